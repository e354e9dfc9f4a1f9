"""Chooses what is sent next: one Account's Tasks in order, within its slots, at its pace, never two that look the same.

Slots are counted from the Tasks that are running, never incremented. Preparing (uploads) and sending are done outside;
what became of them is told here.
"""

from collections import deque
from collections.abc import Container
from functools import partial

from msgspec.structs import replace

from midway.discord.interaction import ButtonPress
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import Nonce, Nonces, TaskId
from midway.domain.lifecycle import Dispatched, Uploaded
from midway.domain.prompt import prompt_key
from midway.domain.task import State, Task
from midway.engine.account import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.commands import links_as_shown, prompt_as_sent
from midway.engine.core.effects import Change, Effect, Post, Prepare
from midway.engine.core.ledger import Ledger
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.pending import ANSWERS_WINDOW, FOLLOWS_PRESS, Outgoing
from midway.engine.interactions import ChannelRef, Prepared
from midway.engine.limits import Limits

LONGEST_PAUSE_SECONDS = 86_400.0


class SendQueue:
    """Keeps what is being prepared, what is ready and what is on its way. Owned by one core."""

    def __init__(
        self,
        config: AccountConfig,
        ledger: Ledger,
        outcomes: Outcomes,
        limits: Limits,
        clock: SteadyClock,
        nonces: Nonces,
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._outcomes = outcomes
        self._limits = limits
        self._clock = clock
        self._nonces = nonces
        self.channel = ChannelRef(config.guild_id, config.channel_id)
        self._busy: dict[TaskId, Attempt] = {}  # being prepared: the Attempt each will become, not decided yet
        self._ready: deque[Outgoing] = deque()
        self._in_flight: set[Nonce] = set()  # decided, and no outcome told
        self._announced: set[Nonce] = set()  # of these, those that wait for the disk
        self._is_closing = False  # nothing new is sent; what was sent is waited for
        self._send_at = clock.monotonic()  # not before; kept by the pace and by Discord's limits
        self._sent_here: set[Nonce] = set()  # by this process; an older one may have died before it sent

    def wake_at(self) -> float | None:
        """Return when (monotonic) the pace lets the next Interaction go; None when only an event can change that."""
        return self._send_at if self._send_at > self._clock.monotonic() else None

    def wait_beside(self) -> float:
        """Return for how many seconds what is sent beside the Tasks must wait; what waits for the disk goes before."""
        until = self._send_at - self._clock.monotonic()
        return max(until, 0.0, self._limits.pace.total_seconds() if self._announced else 0.0)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._send_at = max(self._send_at, self._clock.monotonic() + min(seconds, LONGEST_PAUSE_SECONDS))

    def keep_pace(self) -> None:
        """Count an Interaction that goes now."""
        self.pause(self._limits.pace.total_seconds())

    def close(self) -> None:
        """Send nothing more."""
        self._is_closing = True

    def is_busy(self, task_id: TaskId) -> bool:
        """Tell whether a Task is being prepared or waits for the pace."""
        return task_id in self._busy

    def was_sent_here(self, nonce: Nonce) -> bool:
        """Tell whether this process sent an Interaction, or is about to."""
        return nonce in self._sent_here or nonce in self._in_flight

    def waits_for_disk(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction was decided and is not stored yet, so that nothing was sent."""
        return nonce in self._announced

    def put_first(self, outgoing: Outgoing) -> None:
        """Put what follows a press before everything else that waits."""
        self._ready.appendleft(outgoing)

    def withdraw(self) -> None:
        """Give up what is ready but not sent, so that its Tasks can go elsewhere; what follows a press stays."""
        for outgoing in [o for o in self._ready if o.kind not in FOLLOWS_PRESS]:
            self._forget(outgoing)

    def reset(self) -> None:
        """Begin anew after a defect ended the worker: what was being prepared or sent is known to the Store."""
        self._ready.clear()
        self._busy.clear()
        self._in_flight.clear()
        self._announced.clear()

    def forget_old(self, kept: Container[Nonce]) -> None:
        """Forget which Interactions this process sent, save those that may still be asked for."""
        self._sent_here = {nonce for nonce in self._sent_here if nonce in kept}

    def next(self) -> list[Effect]:
        """Tell what may be sent or prepared now; ask again once that is done, until nothing follows."""
        if self._is_closing or self._clock.monotonic() < self._send_at:
            return []
        while self._ready:
            if self._announced and self._limits.pace:
                return []  # two that wait for the disk would leave together
            outgoing = self._ready[0]
            self._forget(outgoing)
            if effects := self._outcomes.unless_it_breaks(outgoing.task_id, partial(self._send, outgoing)):
                return list(effects)
        return self._fill_slots()

    def left(self, nonce: Nonce) -> None:
        """Note that an Interaction goes to Discord now: it is stored."""
        self._announced.discard(nonce)
        self._sent_here.add(nonce)
        self.keep_pace()

    def concluded(self, nonce: Nonce) -> None:
        """Note that an Interaction is in flight no longer: its outcome is known, or it will not be sent."""
        self._in_flight.discard(nonce)
        self._announced.discard(nonce)

    def prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> list[Effect]:
        """Take what was built for a Task."""
        if task_id not in self._busy:
            return []  # from before a reset
        self._ready.append(Outgoing(task_id, kind, prepared.interaction))
        return [Change(task_id=task_id, events=(Uploaded(prepared.urls),))] if prepared.urls else []

    def unprepared(self, task_id: TaskId) -> None:
        """Note that nothing could be built for a Task now; it waits as before."""
        self._busy.pop(task_id, None)

    def _fill_slots(self) -> list[Effect]:
        """Prepare waiting Tasks, oldest first, while slots are free; a long queue costs nothing while none is."""
        effects: list[Effect] = []
        if not self._ledger.waiting_count:
            return effects
        for drawing in (True, False):
            free = self._free_slots(drawing=drawing)
            for task in self._ledger.waiting(drawing=drawing) if free > 0 else ():
                if task.id in self._busy or task.id in self._outcomes.broken:
                    continue
                begun = self._outcomes.unless_it_breaks(task.id, partial(self._begin, task))
                effects += begun
                if begun and task.id not in self._busy:
                    return effects  # it broke; what comes after it waits for a pause
                free -= len(begun)
                if free == 0:
                    break
        return effects

    def _begin(self, task: Task) -> list[Effect]:
        """Prepare a Task, unless its messages could be taken for those of one in flight, or about to be."""
        candidate = self._attempt(task, AttemptKind.PRESS if task.ask.custom_id else AttemptKind.COMMAND)
        if self._ledger.index.rival(candidate, self._busy.values()) is not None:
            return []
        self._busy[task.id] = candidate
        return [Prepare(task, candidate.kind)]

    def _free_slots(self, *, drawing: bool) -> int:
        preparing = {task_id for task_id, attempt in self._busy.items() if attempt.takes_slot is drawing}
        slots = self._config.slots if drawing else self._limits.unqueued_slots
        return slots - len(self._ledger.occupied(drawing=drawing) | preparing)

    def _forget(self, outgoing: Outgoing) -> None:
        self._ready.remove(outgoing)
        self._busy.pop(outgoing.task_id, None)

    def _send(self, outgoing: Outgoing) -> list[Effect]:
        """Store the Attempt, then send it; from here on its outcome is unknown until something proves it."""
        task = self._ledger.tasks.get(outgoing.task_id)
        if task is None or not self._may_go(task, outgoing):
            return []  # cancelled meanwhile, or it went on without it
        attempt = self._following(self._attempt(task, outgoing.kind), outgoing)
        before = self._ledger.ended(task.id, settled=True) if outgoing.kind in FOLLOWS_PRESS else ()
        self.keep_pace()
        self._in_flight.add(attempt.nonce)
        self._announced.add(attempt.nonce)
        dispatched = Change(task_id=task.id, events=(Dispatched(),), attempts=(*before, attempt))
        return [dispatched, Post(attempt.nonce, outgoing)]

    def _may_go(self, task: Task, outgoing: Outgoing) -> bool:
        """Tell whether a Task still waits for this; of what follows a press, the press must be its last."""
        if outgoing.kind not in FOLLOWS_PRESS:
            return task.state is State.QUEUED
        latest = next(reversed(self._ledger.attempts(task.id)), None)
        if latest is None or task.state not in {State.SUBMITTING, State.SUBMITTED}:
            return False
        if outgoing.kind is AttemptKind.NEXT_PRESS:
            return latest.kind is AttemptKind.PRESS
        is_its_own = outgoing.interaction_id in {None, latest.interaction_id}
        return is_its_own and latest.is_open and not latest.message_ids  # it has brought nothing else yet

    def _following(self, attempt: Attempt, outgoing: Outgoing) -> Attempt:
        """Return an Attempt with what tells of the press: of the next one, or of the one whose window is answered."""
        match outgoing.interaction:
            case ButtonPress(custom_id=custom_id, message_id=message_id) if outgoing.kind is AttemptKind.NEXT_PRESS:
                return replace(attempt, custom_id=custom_id, parent_message_id=message_id, index=None)
        if outgoing.kind not in ANSWERS_WINDOW:
            return attempt
        press = self._ledger.attempts(outgoing.task_id)[-1]
        return replace(
            attempt,
            custom_id=press.custom_id,
            parent_message_id=press.parent_message_id,
            index=press.index,
            interaction_id=outgoing.interaction_id,
        )

    def _attempt(self, task: Task, kind: AttemptKind) -> Attempt:
        given = task.ask.modal_prompt
        text = given if given is not None and kind in ANSWERS_WINDOW else prompt_as_sent(task, links_as_shown(task))
        return Attempt(
            nonce=self._nonces.next(),
            task_id=task.id,
            account_id=self._config.id,
            channel_id=self._config.channel_id,
            kind=kind,
            action=task.action,
            bot=task.ask.bot,
            sent_at=self._clock.now(),
            prompt_key=prompt_key(text),
            custom_id=task.ask.custom_id,
            parent_message_id=task.ask.parent_message_id,
            index=task.ask.index,
            job_id=task.ask.show_job_id,
        )
