"""Looks after what is late: deadlines, and a look at the channel's history before anything is given up.

Nothing fails for a lost event while its picture lies in the channel: before a deadline of running work counts, the
history is read and goes through the same way as live events.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from midway.discord.errors import DiscordError
from midway.discord.event import Message
from midway.discord.port import Connection
from midway.domain.attempt import Attempt
from midway.domain.ids import MessageId, TaskId, time_of_snowflake
from midway.domain.lifecycle import Accepted, Progressed, Requeued
from midway.domain.task import Task
from midway.engine.account import AccountConfig
from midway.engine.classify import meaning
from midway.engine.clock import Clock
from midway.engine.correlate import CLOCK_SKEW, leaves_trace, may_show
from midway.engine.deadline import Deadline, deadline, is_surely_early, may_be_drawn_until, release
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.listener import Listener
from midway.engine.sender import Sender

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 2.0  # before the history is asked for again when Discord did not give it
LONG_AWAY = timedelta(minutes=2)  # between two sweeps, which are a minute apart at most: the machine slept
NEVER_SENT = "the server stopped before it was sent; the channel shows no trace of it"


class Lookback:
    """Finds what is overdue. Owned by one worker; only its loop calls it."""

    def __init__(
        self,
        config: AccountConfig,
        connection: Connection,
        ledger: Ledger,
        listener: Listener,
        sender: Sender,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._channel_id = config.channel_id
        self._speed = config.speed
        self._slots = config.slots
        self._connection = connection
        self._ledger = ledger
        self._listener = listener
        self._sender = sender
        self._limits = limits
        self._clock = clock
        self._reading = self._is_wanted = False
        self._retry_at = self._sweep_at = time.monotonic()
        self._began_at = self._swept_at = clock.now()  # since when Discord was heard; when it was looked last
        self._looked_at: dict[TaskId, datetime] = {}  # when the history was last read for a late Task
        self.spawn: Callable[[Coroutine[Any, Any, None], str], None]
        self.serially: Callable[[Callable[[], Awaitable[None]]], None]

    def is_due(self) -> bool:
        """Tell whether it is time for the next sweep."""
        return time.monotonic() >= self._sweep_at

    async def sweep(self) -> None:
        """Fail what is overdue, after a look where one may help; let go of what nothing will come of."""
        now = self._clock.now()
        self._sweep_at = time.monotonic() + self._limits.sweep_period.total_seconds()
        if now - self._swept_at > LONG_AWAY:
            self._began_at = now
        self._swept_at = now
        for task in self._ledger.unfinished():
            if is_surely_early(task, now, self._limits):
                continue  # a queue may be long
            due = deadline(task, self._ledger.attempts(task.id), self._limits, self._speed)
            if due is not None and due.at <= now:
                await self._overdue(task, due, now)
        if self._is_wanted or any(at <= time.monotonic() for at in self._listener.awaiting_final.values()):
            self.look()
        await self._release(now)

    def look(self) -> None:
        """Read the history now, unless it is being read."""
        if not self._reading and time.monotonic() >= self._retry_at:
            self._reading = True
            self._is_wanted = False
            self.spawn(self._read(*self._span()), f"history {self._channel_id}")
        else:
            self._is_wanted = True  # the sweep comes back to it

    async def _overdue(self, task: Task, due: Deadline, now: datetime) -> None:
        looked = self._looked_at.get(task.id, due.at) > due.at
        # It may be due since a downtime, or since a sleep of the machine.
        patient_until = max(due.at, self._began_at) + self._limits.offline_patience
        if not due.look_first or looked or now > patient_until:
            self._looked_at.pop(task.id, None)
            ended = self._ledger.ended(task.id, settled=False)
            await self._ledger.change(task.id, due.event, attempts=ended)
        elif self._connection.is_connected:
            self.look()

    def _span(self) -> tuple[MessageId | None, int]:
        """Return the id after which every message of open work lies (None: not known), and how many to read at most."""
        known = [attempt.interaction_id for attempt in self._ledger.index.open()]
        if not known:
            return None, self._limits.history_messages
        ids = [int(interaction_id) for interaction_id in known if interaction_id is not None]
        oldest = MessageId(str(min(ids))) if len(ids) == len(known) else None
        return oldest, self._limits.history_messages_of_work

    async def _read(self, after: MessageId | None, limit: int) -> None:
        """Run beside the loop; report back."""
        messages: list[Message] | None = None
        try:
            messages = await self._connection.history(self._channel_id, after=after, limit=limit)
        except DiscordError as err:
            log.warning("the channel's history could not be read", error=str(err))
        finally:
            self.serially(lambda: self._read_done(messages, limit))

    async def _read_done(self, messages: list[Message] | None, limit: int) -> None:
        self._reading = False
        now, moment = self._clock.now(), time.monotonic()
        if messages is None:
            self._retry_at = moment + RETRY_AFTER_SECONDS
            self._is_wanted = True
            return
        unclaimed = await self._listener.read_history(messages)
        if self._limits.resubmit_after_crash:
            complete_since = _created(messages[0]) if len(messages) >= limit else None
            await self._requeue_never_sent(complete_since, unclaimed)
        for task in self._ledger.unfinished():
            self._looked_at[task.id] = now
        for task_id in [t for t, at in self._listener.awaiting_final.items() if at <= moment]:
            del self._listener.awaiting_final[task_id]

    async def _requeue_never_sent(self, complete_since: datetime | None, unclaimed: Sequence[Message]) -> None:
        """Send again what an earlier process stored but did not send: the channel, just read, has no trace of it.

        Only when the bot has had its time to answer, and only without any doubt: the history
        reaches back to before it (`complete_since` None: to the channel's beginning), and holds no younger job of this
        Account that nobody can place, nor one still drawn, behind which it may wait: the bot says "Job queued" to one
        session only. For the same reason Tasks that ended here and may still be drawn must have left it a slot.
        Whatever is in doubt fails as OUTCOME_UNKNOWN at its deadline.
        """
        for attempt in list(self._ledger.index.open()):
            begun = attempt.sent_at - CLOCK_SKEW
            is_seen_whole = complete_since is None or complete_since < begun
            is_unclaimed = any(self._last_drawn(m) > begun for m in unclaimed if may_show(m.content, attempt))
            is_in_doubt = is_unclaimed or self._was_overfull(attempt)
            if self._was_never_sent(attempt) and is_seen_whole and not is_in_doubt:
                settled = replace(attempt, ended_at=self._clock.now(), settled=True)
                await self._ledger.change(attempt.task_id, Requeued(NEVER_SENT), attempts=[settled])

    def _last_drawn(self, message: Message) -> datetime:
        """Return until when a message's job may have been drawn: the longest it may take, unless it has ended.

        The message of its progress may have become that of its end, by an edit.
        """
        if isinstance(meaning(message), Accepted | Progressed):
            return _created(message) + self._limits.total_timeout_relax
        return max(_created(message), message.edited_at or _created(message))

    def _was_overfull(self, attempt: Attempt) -> bool:
        """Tell whether Midjourney may have had no slot for an Attempt: Tasks that end here hold none any more."""
        others = [a for a in self._ledger.index.by_nonce.values() if a.takes_slot and a.task_id != attempt.task_id]
        drawn = [other for other in others if other.sent_at <= attempt.sent_at < self._may_be_drawn_until(other)]
        return len(drawn) >= self._slots

    def _may_be_drawn_until(self, attempt: Attempt) -> datetime:
        task = self._ledger.tasks.get(attempt.task_id)
        if attempt.settled or task is None:
            return attempt.ended_at or attempt.sent_at
        return may_be_drawn_until(task, attempt, self._limits, self._speed)

    def _was_never_sent(self, attempt: Attempt) -> bool:
        """Tell whether nothing was learnt about an Attempt that an earlier process stored and ought to be seen."""
        has_trace = attempt.accepted_at or attempt.interaction_id or attempt.message_ids
        had_its_time = attempt.sent_at <= self._clock.now() - self._limits.ack_timeout
        has_tries_left = len(self._ledger.attempts(attempt.task_id)) <= self._limits.max_requeues
        is_older = attempt.nonce not in self._sender.sent_here
        return not has_trace and is_older and had_its_time and has_tries_left and leaves_trace(attempt)

    def clock_was_set(self) -> None:
        """Forget the times of before: they are told by another clock than those of the Tasks from now on."""
        self._looked_at.clear()
        self._began_at = self._swept_at = self._clock.now()

    def reset(self) -> None:
        """Begin anew after a defect ended the worker, and a look at the history with it."""
        self._reading, self._is_wanted = False, True

    def forget_old(self) -> None:
        """Forget when the history was read for Tasks that have ended."""
        self._looked_at = {t: at for t, at in self._looked_at.items() if t in self._ledger.tasks}

    async def _release(self, now: datetime) -> None:
        """End the Attempts of ended Tasks (cancelled while Midjourney drew) that never brought their picture."""
        for attempt in list(self._ledger.index.open()):
            task = self._ledger.tasks.get(attempt.task_id)
            has_ended = task is None or task.state.is_terminal
            if has_ended and (task is None or release(task, attempt, self._limits, self._speed) <= now):
                await self._ledger.learn(replace(attempt, ended_at=now))


def _created(message: Message) -> datetime:
    return message.created_at or time_of_snowflake(message.id)
