"""One Account's decisions, without a loop, a disk or a socket: what happened goes in, what follows comes out.

Each method takes one thing that happened and returns what is to be done about it, in order. Memory is changed by then,
and ahead of the Store: nothing that was decided here may be told to anybody before its `Write` is durable, but for the
Account's state. Not reentrant; whoever calls (`worker`) carries everything out before the next call. The clock comes
by constructor.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar, assert_never

import structlog
from msgspec import Struct

from midway.discord.errors import DiscordError
from midway.discord.event import Connected, Disconnected, Event, IframeOpened, Message, TokenRefused
from midway.domain.account import Account, AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Conflict, NotFound, Reason
from midway.domain.ids import AccountId, ChannelId, Nonce, Nonces, TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import Assigned, Cancelled, InputGiven, Noticed
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import State, Task
from midway.engine.account import AccountConfig
from midway.engine.assign import is_bound
from midway.engine.clock import SteadyClock
from midway.engine.dispatch import Prepared
from midway.engine.effects import (
    AnswerWindow,
    AskSettings,
    Change,
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
    Puzzled,
    ReadHistory,
    Recall,
    Relocate,
    SawRemix,
    SlowDown,
    Submit,
    Write,
)
from midway.engine.keys import names_in, names_of
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.listener import Guesses, Listener
from midway.engine.lookback import Lookback
from midway.engine.outcomes import Outcomes
from midway.engine.reading import Reading
from midway.engine.sender import Sender
from midway.engine.standing import Standing
from midway.engine.windows import Windows
from midway.store.port import AccountMark, Entry, RequestKey

T = TypeVar("T")
log = structlog.get_logger(__name__)

PORTION = 20  # messages of the history

NOTHING_SENT = "cancelled before anything was sent to Midjourney"
STILL_DRAWING = "cancelled here; what was sent cannot be taken back: Midjourney draws on, a late picture is attached"
FORGET_SECONDS = 10.0  # between two looks for what no late picture can need any more
IDLE_NAP = timedelta(minutes=1)  # the longest wait for something to happen while nothing is unfinished


class Wake(Struct, frozen=True):
    """Match anew what is parked under these names."""

    names: frozenset[str]


class Unpark(Struct, frozen=True):
    """Hear a parked message, as it fits now."""

    number: int


Inner = Effect | Wake | Unpark  # what `Core._apply` goes through


class Core:
    """Decides for one Account. Owned by its worker."""

    def __init__(self, config: AccountConfig, limits: Limits, clock: SteadyClock, nonces: Nonces) -> None:
        self._limits = limits
        self._sweep_period = limits.sweep_period
        self._clock = clock
        self.ledger = Ledger(limits, clock)
        self.standing = Standing(config, clock)
        self._outcomes = Outcomes(self.ledger, limits, clock)
        self.sender = Sender(config, self.ledger, self._outcomes, limits, clock, nonces)
        self._listener = Listener(self.ledger, self._outcomes, limits, clock)
        self._lookback = Lookback(config, self.ledger, self.sender, self._outcomes, limits, clock)
        self._windows = Windows(self.ledger, self.sender.place)
        self._given: dict[TaskId, RequestKey] = {}  # requests that gave a waiting Task its input
        self._has_asked_settings = False
        self._offered: set[TaskId] = set()  # waiting Tasks that other Accounts were asked to take, since the last sweep
        self._forget_at = 0.0
        self._outside: list[Outside] = []  # decided, and not handed out yet

    def load(self, mark: AccountMark | None, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Take over what an earlier run left."""
        if mark is not None:
            self.standing.restore(mark)
        self.ledger.load(tasks, attempts)

    def recover(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Begin anew with what the Store has, after a defect ended the worker somewhere in the middle."""
        self.sender.reset()
        self._lookback.reset()
        self._windows.forget_old(())
        self._given.clear()
        self.ledger.load(tasks, attempts)

    def clock_was_set(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Go on with the times that the Store has for what is unfinished since the wall clock was set."""
        self.ledger.load(tasks, attempts)
        self._lookback.clock_was_set()

    def account(self, expected: int) -> Account:
        """Return the Account as people see it; `expected` Tasks are on their way to it."""
        return self.standing.snapshot(self.ledger.drawing_count, self.ledger.waiting_count + expected)

    def take(self, task: Task) -> None:
        """Take over a stored Task of this Account; one that is known is newer here."""
        known = self.ledger.tasks.get(task.id)
        if known is None or known.version < task.version:
            self.ledger.add(task)

    def lose(self, task_id: TaskId) -> None:
        """Drop all that was decided about a Task, until `regain`."""
        self._given.pop(task_id, None)  # it may be that which was dropped, as may an answer to a window
        self._windows.forget(self.ledger.attempts(task_id))
        self.ledger.lose(task_id)

    def regain(self, task_id: TaskId, task: Task | None, attempts: Iterable[Attempt]) -> None:
        """Take over what the Store has of a Task that was lost; None: it is another Account's now."""
        if task_id not in self.ledger.lost:
            return  # all was read anew meanwhile
        self.ledger.replace(task_id, task, attempts)

    def left_over(self) -> list[Outside]:
        """Return what was decided before a defect ended a decision: memory has it, so it is to be carried out."""
        return self._handed_out()

    # What Discord says.

    def hear(self, event: Event) -> list[Outside]:
        """Take an event."""
        match event:
            case Connected():
                return self._connected(event)
            case Disconnected():
                self.standing.disconnected(event.reason)
                return []
            case TokenRefused():
                self.standing.disconnected(event.reason)
                return self._follow([Enter(AccountState.INVALID, event.reason)])
            case _:
                return self._follow(self._listener.hear(event))

    def recalled(self, reading: Reading) -> list[Outside]:
        """Take a message whose Task was asked for, and is in memory now if there is one."""
        return self._follow(self._listener.recalled(reading))

    def history_read(self, messages: Sequence[Message] | None, limit: int) -> Iterator[list[Outside]]:
        """Take what a look at the channel's history gave, oldest first; None: Discord did not give it.

        In portions, as it may be long: others may have the event loop between two of them, but no event or wish comes
        to this core.
        """
        if messages is None:
            self._lookback.not_read()
            return
        is_over = False
        try:
            readings: list[Reading] = []
            unreadable = 0
            for some in batched(messages):
                read = [self._read(message) for message in some]
                readings += [reading for reading in read if isinstance(reading, Reading)]
                unreadable += sum(isinstance(reading, Exception) for reading in read)
                yield []
            guesses: Guesses = {}
            for part in batched(readings):
                self._listener.note_guesses(part, guesses)
                yield []
            in_doubt = self._listener.doubtful(guesses)
            unplaced: list[Reading] = []
            for part in batched(readings):
                unplaced += [each for each in part if self._heard_again(each, in_doubt=each.message.id in in_doubt)]
                yield self._handed_out()
            is_over = True
            oldest = messages[0] if len(messages) >= limit else None
            yield self._follow(self._lookback.was_read(len(messages), oldest, None if unreadable else unplaced))
        finally:
            if not is_over:  # a defect; else no look would ever follow
                self._lookback.not_read()

    def _read(self, message: Message) -> Reading | Exception | None:
        try:
            return self._listener.read(message)
        except Exception as error:  # supervised: one message must not hide the others, nor keep the look from its end
            log.exception("a message of the history could not be read", message_id=message.id)
            return error.with_traceback(None)

    def _heard_again(self, reading: Reading, *, in_doubt: bool) -> bool:
        """Apply a message of the history; tell whether its job is nobody's we know."""
        try:
            effects, is_unplaced = self._listener.read_again(reading, in_doubt=in_doubt)
            self._apply(effects)
        except Exception:  # supervised, as above
            log.exception("a message of the history could not be heard", message_id=reading.message.id)
            return True
        return is_unplaced

    def look(self) -> list[Outside]:
        """Look at the channel's history: something was missed."""
        return self._follow(self._lookback.look())

    # What became of what was asked for.

    def prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> list[Outside]:
        """Take a Task's Interaction, ready to be sent."""
        return self._follow(self.sender.prepared(task_id, kind, prepared))

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Outside]:
        """Take the failure of an upload; None: for no fault of the Task's."""
        self.sender.unprepared(task_id)
        return self._follow(self._outcomes.unprepared(task_id, error))

    def broke(self, task_id: TaskId, error: str) -> list[Outside]:
        """Fail a Task by a defect of ours, named by its class."""
        self.sender.unprepared(task_id)
        return self._follow(self._outcomes.broke(task_id, error))

    def mask_loaded(self, task_id: TaskId, event: IframeOpened, inputs: Sequence[InputImage] | None) -> list[Outside]:
        """Take the pictures of a Task whose region window waits for its mask; None: they cannot be read."""
        return self._follow(self._windows.answer_region(task_id, event, inputs))

    def may_leave(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent, now that it is stored."""
        return self._outcomes.is_wanted(nonce) and not self.standing.needs_person

    def waited_long(self, nonce: Nonce, postponed: int) -> bool:
        """Tell whether an Interaction waited so long for the disk that it must be `postponed` (again) before it leaves.

        Each time it may wait twice as long as before, from three seconds on.
        """
        return self._outcomes.waited_long(nonce, postponed)

    def postponed(self, nonce: Nonce) -> list[Outside]:
        """Count an Interaction's times from now; it may leave when that is stored."""
        return self._follow(self._outcomes.postponed(nonce))

    def left(self, nonce: Nonce) -> None:
        """Note that an Interaction goes to Discord now."""
        self.sender.left(nonce)

    def unsent(self, nonce: Nonce) -> list[Outside]:
        """Note that an Interaction was not sent and will not be."""
        self.sender.arrived(nonce)
        return self._follow(self._outcomes.unsent(nonce))

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Outside]:
        """Take the outcome of a POST."""
        self.sender.arrived(nonce)
        return self._follow(self._outcomes.sent(nonce, error))

    # What clients and operators want.

    def cancel(self, task_id: TaskId) -> list[Outside]:
        """End a Task as CANCELLED, saying honestly what goes on upstream; one that has ended stays as it is."""
        task = self._known(task_id)
        attempts = self.ledger.attempts(task_id)
        waits_for_disk = bool(attempts) and self.sender.waits_for_disk(attempts[-1].nonce)
        is_first = waits_for_disk and all(attempt.settled for attempt in attempts[:-1])
        unsent = task.state in {State.QUEUED, State.AWAITING_INPUT} or is_first
        return self.tell(task_id, Cancelled(NOTHING_SENT if unsent else STILL_DRAWING))

    def give_input(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> list[Outside]:
        """Answer what an AWAITING_INPUT Task waits for; it goes to the queue. Raises Conflict in another state."""
        task = self._known(task_id)
        if request is not None and self._given.get(task_id) == request:
            return []
        if task.state is not State.AWAITING_INPUT:
            raise Conflict(
                Reason.TASK_NOT_AWAITING_INPUT,
                f"task {task_id} is {task.state.value}; only AWAITING_INPUT takes input",
                task_id=task_id,
                state=task.state.value,
            )
        if request is not None:
            self._given[task_id] = request
        given = InputGiven(prompt, has_mask=mask is not None or task.ask.has_mask)
        inputs = () if mask is None else (mask,)
        return self._follow([Change(task_id=task_id, events=(given,), inputs=inputs, request=request)])

    def tell(self, task_id: TaskId, event: LifeEvent) -> list[Outside]:
        """Apply an event to a Task, if its state has a move for it."""
        return self._follow([Change(task_id=task_id, events=(event,))])

    def pause(self, reason: str) -> list[Outside]:
        """Send nothing more until resumed; why the Account is paused already stays."""
        return [] if self.standing.needs_person else self._follow([Enter(AccountState.PAUSED, reason)])

    def resume(self) -> list[Outside]:
        """Let a paused Account act again."""
        self._keep(self.standing.become(AccountState.ACTIVE, ""))
        return self._handed_out()

    # Time passes.

    def look_around(self, *, is_connected: bool) -> list[Outside]:
        """Do what is due: deadlines, expired messages, and whatever may be sent now."""
        self._listener.expire()
        if self._lookback.is_due():
            self._offered.clear()
            # Before the first session it is not known to whom messages speak.
            has_session = is_connected and self.standing.is_connected
            self._apply(self._lookback.sweep(is_connected=has_session))
        if self._clock.monotonic() >= self._forget_at:
            self._forget_at = self._clock.monotonic() + FORGET_SECONDS
            self._forget_old()
        if self.standing.needs_person:
            self.sender.withdraw()
            self._apply(self._moved_away())
        while is_connected and self.standing.takes_work and (effects := self.sender.next()):
            self._apply(effects)
            if not any(isinstance(effect, Change) for effect in effects):
                break  # what is being prepared takes its slots from now on
        return self._handed_out()

    def nap(self) -> timedelta:
        """Return how long nothing has to be looked at."""
        nap = self._sweep_period if self.ledger.has_unfinished() else IDLE_NAP
        now = self._clock.monotonic()
        waits = [at - now for at in (self.sender.wake_at(), self._listener.wake_at()) if at is not None]
        return min([nap, *(timedelta(seconds=wait) for wait in waits)])

    def give_away(self, task_id: TaskId, account_id: AccountId, channel_id: ChannelId) -> list[Outside]:
        """Give a waiting Task to another Account, which writes it from then on."""
        self._apply([Change(task_id=task_id, events=(Assigned(account_id, channel_id),))])
        self.ledger.drop(task_id)
        return self._handed_out()

    def keep_waiting(self, task_id: TaskId) -> list[Outside]:
        """Say for what a Task waits that no other Account can run; once."""
        return self._follow(self._told_to_wait(self._known(task_id)))

    def _told_to_wait(self, task: Task) -> list[Effect]:
        notice = f"the account waits for a person: {self.standing.reason}"
        return [] if notice in task.notices else [Change(task_id=task.id, events=(Noticed(notice),))]

    def _connected(self, event: Connected) -> list[Outside]:
        self._keep(self.standing.connected(event.user_id, event.user_name))
        self._listener.connected(event.user_id)
        if event.resumed:
            return self._handed_out()
        wants_settings = self._limits.sync_settings and not self._has_asked_settings and self.standing.takes_work
        self._has_asked_settings = self._has_asked_settings or wants_settings
        return self._follow([*self._lookback.look(), *([AskSettings()] if wants_settings else [])])

    def _follow(self, effects: Iterable[Effect]) -> list[Outside]:
        """Apply effects; return what is to be done outside."""
        self._apply(effects)
        return self._handed_out()

    def _handed_out(self) -> list[Outside]:
        outside, self._outside = self._outside, []
        return outside

    def _apply(self, effects: Iterable[Effect]) -> None:
        """Apply what changes memory, in order, and what follows from that; keep what is to be done outside.

        A defect costs the Task that it shows for, with what else was to be done for it.
        """
        waiting: deque[Inner] = deque(effects)
        while waiting:
            effect = waiting.popleft()
            try:
                self._apply_one(effect, waiting)
            except Exception as error:  # supervised: it must not lose what was decided before, nor hold up others
                task_id = _about(effect)
                if task_id is None:
                    log.exception("a decision could not be applied", effect=type(effect).__name__)
                else:
                    self._give_up(task_id, waiting)
                    waiting.extend(self._outcomes.break_off(task_id, error))

    def _give_up(self, task_id: TaskId, waiting: deque[Inner]) -> None:
        """Leave out what was to be done for a Task: what it follows is not written."""
        for effect in [each for each in waiting if _about(each) == task_id]:
            waiting.remove(effect)
            if isinstance(effect, Post):
                self.sender.arrived(effect.nonce)
            elif isinstance(effect, Prepare):
                self.sender.unprepared(task_id)

    def _apply_one(self, effect: Inner, waiting: deque[Inner]) -> None:  # noqa: C901, PLR0912 - a case for each effect
        match effect:
            case Change() | Learn():
                waiting.extend(self._remember(effect))
            case Disown(keys):
                self.ledger.index.disown(keys)
                waiting.append(Wake(frozenset(names_in(keys))))
            case Wake(names):
                numbers = self._listener.woken(names)
                waiting.extend([*map(Unpark, numbers), effect] if numbers else [])
            case Unpark(number):  # before the next one: what is learnt from it tells whose that is
                waiting.extendleft(reversed(self._listener.unparked(number)))
            case AnswerWindow(press, event):
                waiting.extend(self._windows.answer(press, event))
            case Enter(state, reason):
                self._keep(self._entered(state, reason))
            case DrewFast():
                self._keep(self.standing.drew_fast())
            case SlowDown(seconds):
                self.sender.pause(seconds)
            case SawRemix(is_on):
                self.standing.saw_remix(is_on=is_on)
            case Puzzled(words):
                self.standing.puzzled(words)
            case ExpectFinal(task_id):
                self._lookback.expect_final(task_id)
            case Submit(outgoing):
                self.sender.submit(outgoing)
            case Write() | Prepare() | Post() | ReadHistory() | LoadMask() | Recall() | Relocate() | AskSettings():
                self._outside.append(effect)
            case _:
                assert_never(effect)

    def _remember(self, effect: Change | Learn) -> list[Wake]:
        """Change the ledger, and have that written; return which names were learnt or mean another Attempt now."""
        entry = self.ledger.change(effect) if isinstance(effect, Change) else self.ledger.learn(effect.attempts)
        if entry is None:
            return []
        self._outside.append(Write(entry))
        names = frozenset().union(*map(names_of, entry.attempts))
        return [Wake(names)] if names else []

    def _keep(self, mark: AccountMark | None) -> None:
        if mark is not None:
            self._outside.append(Write(Entry(mark=mark)))

    def _entered(self, state: AccountState, reason: str) -> AccountMark | None:
        """Enter a state; a need for a person is never softened to LIMITED."""
        is_softer = self.standing.needs_person and state is AccountState.LIMITED
        return None if is_softer else self.standing.become(state, reason)

    def _moved_away(self) -> list[Effect]:
        """Offer waiting Tasks to other Accounts, at once and with each sweep; those bound to this one say so."""
        effects: list[Effect] = []
        movable: list[Task] = []
        for task in [*self.ledger.waiting(drawing=True), *self.ledger.waiting(drawing=False)]:
            if self.sender.is_busy(task.id) or task.id in self._offered:
                continue
            self._offered.add(task.id)
            if is_bound(task.ask):
                effects += self._told_to_wait(task)
            else:
                movable.append(task)
        return [*effects, *([Relocate(tuple(movable))] if movable else [])]

    def _known(self, task_id: TaskId) -> Task:
        task = self.ledger.tasks.get(task_id)
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
        return task

    def _forget_old(self) -> None:
        """Let go of what no late picture can need any more."""
        self.ledger.forget_old()
        kept = self.ledger.index.by_nonce
        self.sender.forget_old(kept)
        self._outcomes.forget_old(self.ledger.tasks.keys() | self.ledger.lost)
        self._windows.forget_old(kept)
        self._given = {task_id: request for task_id, request in self._given.items() if task_id in self.ledger.tasks}


def _about(effect: Inner) -> TaskId | None:
    """Return the Task that an effect is about; None when it is about none, or about many."""
    match effect:
        case Change(task_id=task_id):
            return task_id
        case Learn(attempts):
            return attempts[0].task_id if attempts else None
        case AnswerWindow(press, _):
            return press.task_id
        case Submit(outgoing) | Post(outgoing=outgoing):
            return outgoing.task_id
        case Prepare(task, _) | LoadMask(task, _):
            return task.id
        case _:
            return None


def batched(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield so many at a time that what is done with them takes some milliseconds."""
    return (items[start : start + PORTION] for start in range(0, len(items), PORTION))
