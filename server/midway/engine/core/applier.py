"""Applies effects: changes an Account's memory at once, and collects the effects to be carried out outside."""

from collections import deque
from collections.abc import Iterable
from typing import assert_never

import structlog
from msgspec import Struct

from midway.domain.account import AccountState
from midway.domain.ids import TaskId
from midway.engine.core.account_status import AccountStatus
from midway.engine.core.effects import (
    AnswerWindow,
    AskSettings,
    Change,
    CountUnknown,
    Disown,
    DrewFast,
    Effect,
    Enter,
    ExpectFinal,
    Learn,
    LoadMask,
    Outside,
    Post,
    Prepare,
    ReadHistory,
    Recall,
    Relocate,
    SawRemix,
    SendFirst,
    SlowDown,
    Write,
)
from midway.engine.core.keys import names_in, names_of
from midway.engine.core.ledger import Ledger
from midway.engine.core.listener import Listener
from midway.engine.core.lookback import Lookback
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.send_queue import SendQueue
from midway.engine.core.windows import Windows
from midway.store.port import AccountMark, Entry

log = structlog.get_logger(__name__)


class Wake(Struct, frozen=True):
    """Match the messages parked under these names again."""

    names: frozenset[str]


class Unpark(Struct, frozen=True):
    """Handle a parked message that now matches an Attempt."""

    number: int


Inner = Effect | Wake | Unpark  # what `Applier.apply` processes


class Applier:
    """Applies effects to the parts of a core. Owned by the core."""

    def __init__(
        self,
        ledger: Ledger,
        status: AccountStatus,
        send_queue: SendQueue,
        outcomes: Outcomes,
        listener: Listener,
        lookback: Lookback,
        windows: Windows,
    ) -> None:
        self._ledger = ledger
        self._status = status
        self._send_queue = send_queue
        self._outcomes = outcomes
        self._listener = listener
        self._lookback = lookback
        self._windows = windows
        self._outside: list[Outside] = []  # collected, and not yet returned by `handed_out`

    def follow(self, effects: Iterable[Effect]) -> list[Outside]:
        """Apply effects; return those to be carried out outside."""
        self.apply(effects)
        return self.handed_out()

    def handed_out(self) -> list[Outside]:
        """Return and forget the collected effects that are to be carried out outside, in order."""
        outside, self._outside = self._outside, []
        return outside

    def apply(self, effects: Iterable[Effect]) -> None:
        """Apply effects on memory, in order, and further effects that result; collect the effects on the outside.

        When applying an effect raises, its Task fails, and the Task's remaining effects are dropped.
        """
        waiting: deque[Inner] = deque(effects)
        while waiting:
            effect = waiting.popleft()
            try:
                self._apply_one(effect, waiting)
            except Exception as error:  # supervised: earlier effects must not be lost, nor other Tasks blocked
                task_id = _about(effect)
                if task_id is None:
                    log.exception("an effect could not be applied", effect=type(effect).__name__)
                else:
                    self._drop_effects(task_id, waiting)
                    waiting.extend(self._outcomes.break_off(task_id, error))

    def _drop_effects(self, task_id: TaskId, waiting: deque[Inner]) -> None:
        """Remove a Task's waiting effects: the change that they depend on was not made."""
        for effect in [each for each in waiting if _about(each) == task_id]:
            waiting.remove(effect)
            if isinstance(effect, Post):
                self._send_queue.concluded(effect.nonce)
            elif isinstance(effect, Prepare):
                self._send_queue.unprepared(task_id)

    def _apply_one(self, effect: Inner, waiting: deque[Inner]) -> None:  # noqa: C901, PLR0912 - one case for each effect
        match effect:
            case Change() | Learn():
                waiting.extend(self._change_ledger(effect))
            case Disown(keys):
                self._ledger.index.disown(keys)
                waiting.append(Wake(frozenset(names_in(keys))))
            case Wake(names):
                numbers = self._listener.woken(names)
                waiting.extend([*map(Unpark, numbers), effect] if numbers else [])
            case Unpark(number):  # its effects go first: they may tell which Attempt the next message belongs to
                waiting.extendleft(reversed(self._listener.unparked(number)))
            case AnswerWindow(press, event):
                waiting.extend(self._windows.answer(press, event))
            case Enter(state, reason):
                self.keep(self._entered(state, reason))
            case DrewFast():
                self.keep(self._status.drew_fast())
            case SlowDown(seconds):
                self._send_queue.pause(seconds)
            case SawRemix(is_on):
                self._status.saw_remix(is_on=is_on)
            case CountUnknown(words):
                self._status.count_unknown(words)
            case ExpectFinal(task_id):
                self._lookback.expect_final(task_id)
            case SendFirst(outgoing):
                self._send_queue.put_first(outgoing)
            case Write() | Prepare() | Post() | ReadHistory() | LoadMask() | Recall() | Relocate() | AskSettings():
                self._outside.append(effect)
            case _:
                assert_never(effect)

    def _change_ledger(self, effect: Change | Learn) -> list[Wake]:
        """Change the ledger, and collect the Write; return a Wake for the names of the changed Attempts."""
        entry = self._ledger.change(effect) if isinstance(effect, Change) else self._ledger.learn(effect.attempts)
        if entry is None:
            return []
        self._outside.append(Write(entry))
        names = frozenset().union(*map(names_of, entry.attempts))
        return [Wake(names)] if names else []

    def keep(self, mark: AccountMark | None) -> None:
        """Collect the Write of an Account's mark; None: there is nothing to write."""
        if mark is not None:
            self._outside.append(Write(Entry(mark=mark)))

    def _entered(self, state: AccountState, reason: str) -> AccountMark | None:
        """Enter a state, except LIMITED while the Account needs a person."""
        is_less_severe = self._status.needs_person and state is AccountState.LIMITED
        return None if is_less_severe else self._status.become(state, reason)


def _about(effect: Inner) -> TaskId | None:
    """Return the Task that an effect is about; None when it is about none, or several."""
    match effect:
        case Change(task_id=task_id):
            return task_id
        case Learn(attempts):
            return attempts[0].task_id if attempts else None
        case AnswerWindow(press, _):
            return press.task_id
        case SendFirst(outgoing) | Post(outgoing=outgoing):
            return outgoing.task_id
        case Prepare(task, _) | LoadMask(task, _):
            return task.id
        case _:
            return None
