"""Chooses an Account's next Interaction: Tasks in order, within the slots and at the pace, never two that look alike.

Slots in use are counted from the running Tasks; there is no counter. Preparing (uploads) and sending are done outside,
and their outcomes are reported here.
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
from midway.engine.account_config import AccountConfig
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
    """Tracks what is being prepared, what is ready and what is being sent. Owned by one core."""

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
        self._busy: dict[TaskId, Attempt] = {}  # Tasks being prepared or ready, each with a provisional Attempt
        self._ready: deque[Outgoing] = deque()
        self._in_flight: set[Nonce] = set()  # decided, with no outcome yet
        self._awaiting_disk: set[Nonce] = set()  # those of them that are not stored yet
        self._is_closing = False  # at shutdown: nothing new is sent
        self._send_at = clock.monotonic()  # nothing is sent before; set by the pace and by rate limits
        self._sent_here: set[Nonce] = set()  # sent by this process; an earlier one may have died before it sent

    def wake_at(self) -> float | None:
        """Return when the pace allows the next Interaction, in monotonic seconds; None when it allows one now."""
        return self._send_at if self._send_at > self._clock.monotonic() else None

    def wait_beside(self) -> float:
        """Return how many seconds an Interaction of no Task must wait; those that wait for the disk go first."""
        until = self._send_at - self._clock.monotonic()
        return max(until, 0.0, self._limits.pace.total_seconds() if self._awaiting_disk else 0.0)

    def pause(self, seconds: float) -> None:
        """Send nothing for so many seconds, at most LONGEST_PAUSE_SECONDS."""
        self._send_at = max(self._send_at, self._clock.monotonic() + min(seconds, LONGEST_PAUSE_SECONDS))

    def keep_pace(self) -> None:
        """Record that an Interaction is sent now: the next one must wait for the pace."""
        self.pause(self._limits.pace.total_seconds())

    def close(self) -> None:
        """Send nothing more."""
        self._is_closing = True

    def is_busy(self, task_id: TaskId) -> bool:
        """Tell whether a Task is being prepared or is ready and waits for the pace."""
        return task_id in self._busy

    def was_sent_here(self, nonce: Nonce) -> bool:
        """Tell whether this process sent an Interaction, or is about to."""
        return nonce in self._sent_here or nonce in self._in_flight

    def waits_for_disk(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction was decided but is not stored yet, so that it was not sent."""
        return nonce in self._awaiting_disk

    def put_first(self, outgoing: Outgoing) -> None:
        """Put an Interaction that follows a press before everything else that waits."""
        self._ready.appendleft(outgoing)

    def withdraw(self) -> None:
        """Drop what is ready but not sent, so that its Tasks can move; Interactions that follow a press stay."""
        for outgoing in [o for o in self._ready if o.kind not in FOLLOWS_PRESS]:
            self._forget(outgoing)

    def reset(self) -> None:
        """Reset after a defect ended the worker; the Store knows the Tasks that were being prepared or sent."""
        self._ready.clear()
        self._busy.clear()
        self._in_flight.clear()
        self._awaiting_disk.clear()

    def forget_old(self, kept: Container[Nonce]) -> None:
        """Forget which Interactions this process sent, except those in `kept`."""
        self._sent_here = {nonce for nonce in self._sent_here if nonce in kept}

    def next(self) -> list[Effect]:
        """Return the effects that send or prepare what may be now. Apply them and call it again, until it is empty."""
        if self._is_closing or self._clock.monotonic() < self._send_at:
            return []
        while self._ready:
            if self._awaiting_disk and self._limits.pace:
                return []  # otherwise both would be sent together when the disk is done
            outgoing = self._ready[0]
            self._forget(outgoing)
            if effects := self._outcomes.unless_it_breaks(outgoing.task_id, partial(self._send, outgoing)):
                return list(effects)
        return self._fill_slots()

    def left(self, nonce: Nonce) -> None:
        """Record that an Interaction is stored and being sent now."""
        self._awaiting_disk.discard(nonce)
        self._sent_here.add(nonce)
        self.keep_pace()

    def concluded(self, nonce: Nonce) -> None:
        """Record that an Interaction is no longer in flight: its outcome is known, or it will not be sent."""
        self._in_flight.discard(nonce)
        self._awaiting_disk.discard(nonce)

    def prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> list[Effect]:
        """Queue the Interaction that was built for a Task."""
        if task_id not in self._busy:
            return []  # it was prepared before a reset
        self._ready.append(Outgoing(task_id, kind, prepared.interaction))
        return [Change(task_id=task_id, events=(Uploaded(prepared.urls),))] if prepared.urls else []

    def unprepared(self, task_id: TaskId) -> None:
        """Record that no Interaction was built for a Task; it is QUEUED as before."""
        self._busy.pop(task_id, None)

    def _fill_slots(self) -> list[Effect]:
        """Prepare waiting Tasks, oldest first, while slots are free; without a free slot the queue is not looked at."""
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
                    return effects  # it failed by a defect; the others wait for the pause
                free -= len(begun)
                if free == 0:
                    break
        return effects

    def _begin(self, task: Task) -> list[Effect]:
        """Prepare a Task, unless its messages would look like those of one that is in flight or being prepared."""
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
        """Return the effects that store the Attempt and then send it; its outcome is unknown from then on."""
        task = self._ledger.tasks.get(outgoing.task_id)
        if task is None or not self._may_go(task, outgoing):
            return []  # cancelled meanwhile, or this Interaction is no longer wanted
        attempt = self._following(self._attempt(task, outgoing.kind), outgoing)
        before = self._ledger.ended(task.id, settled=True) if outgoing.kind in FOLLOWS_PRESS else ()
        self.keep_pace()
        self._in_flight.add(attempt.nonce)
        self._awaiting_disk.add(attempt.nonce)
        dispatched = Change(task_id=task.id, events=(Dispatched(),), attempts=(*before, attempt))
        return [dispatched, Post(attempt.nonce, outgoing)]

    def _may_go(self, task: Task, outgoing: Outgoing) -> bool:
        """Tell whether a Task still wants this Interaction. One that follows a press must follow the latest Attempt."""
        if outgoing.kind not in FOLLOWS_PRESS:
            return task.state is State.QUEUED
        latest = next(reversed(self._ledger.attempts(task.id)), None)
        if latest is None or task.state not in {State.SUBMITTING, State.SUBMITTED}:
            return False
        if outgoing.kind is AttemptKind.NEXT_PRESS:
            return latest.kind is AttemptKind.PRESS
        is_its_own = outgoing.interaction_id in {None, latest.interaction_id}
        return is_its_own and latest.is_open and not latest.message_ids  # no message has answered the press yet

    def _following(self, attempt: Attempt, outgoing: Outgoing) -> Attempt:
        """Return an Attempt with the keys of its press: of the next press, or of the one whose window it answers."""
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
