"""Enforces deadlines, and reads the channel's history to catch up on missed events before a Task fails.

No Task fails because of a lost event while its picture is in the channel. Before a deadline of running work applies,
the history is read twice, some seconds apart, and its messages are handled like events. A read counts as of when it
began, and only if it was quick: Discord may answer a slow one while it recovers, before it has the latest messages.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from midway.discord.event import Message
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, MessageId, TaskId, time_of_snowflake
from midway.domain.lifecycle import Accepted, Progressed, Requeued
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.core.compatibility import CLOCK_SKEW
from midway.engine.core.correlate import leaves_trace
from midway.engine.core.deadline import (
    Deadline,
    deadline,
    is_drawn_in_time,
    is_surely_early,
    may_be_drawn_until,
    release,
    waits_for_next_press,
)
from midway.engine.core.effects import Change, Effect, Learn, ReadHistory
from midway.engine.core.ledger import Ledger
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.pending import tries
from midway.engine.core.reading import Reading
from midway.engine.core.send_queue import SendQueue
from midway.engine.limits import Limits

log = structlog.get_logger(__name__)

PAGE = 100  # messages that Discord returns per request
RETRY_AFTER_SECONDS = 2.0  # before the next try when reading the history failed
LONG_AWAY = timedelta(minutes=2)  # a longer gap between sweeps, normally a minute at most, means that the machine slept
NEVER_SENT = "the server stopped before it was sent; the channel shows no trace of it"


class Lookback:
    """Finds overdue Tasks, and decides when to read the history. Owned by one core."""

    def __init__(
        self,
        config: AccountConfig,
        ledger: Ledger,
        send_queue: SendQueue,
        outcomes: Outcomes,
        limits: Limits,
        clock: SteadyClock,
    ) -> None:
        self._speed = config.speed
        self._slots = config.slots
        self._ledger = ledger
        self._send_queue = send_queue
        self._outcomes = outcomes
        self._limits = limits
        self._period, self._look_again = limits.sweep_period, limits.look_again
        self._clock = clock
        self._reading_since: datetime | None = None
        self._is_wanted = False  # the next sweep reads the history
        self._retry_at = self._sweep_at = clock.monotonic()
        self._began_at = self._swept_at = clock.now()  # start (or the machine's wake-up); last sweep
        self._looks: deque[datetime] = deque()  # when the reads that count began
        self._finals: dict[TaskId, datetime] = {}  # progress message deleted: when to read the history

    def is_due(self) -> bool:
        """Tell whether it is time for the next sweep."""
        return self._clock.monotonic() >= self._sweep_at

    def sweep(self, *, is_connected: bool) -> list[Effect]:
        """Fail overdue Tasks, after two reads of the history if these may help; end open Attempts of ended Tasks."""
        now = self._clock.now()
        self._sweep_at = self._clock.monotonic() + self._period.total_seconds()
        if now - self._swept_at > LONG_AWAY:
            self._began_at = now
        self._swept_at = now
        self._forget_looks(now)
        effects: list[Effect] = []
        for task in self._ledger.unfinished():
            check = partial(self._check_deadline, task, now, is_connected=is_connected)
            effects += self._outcomes.unless_it_breaks(task.id, check)
        if is_connected and (self._is_wanted or self._is_final_due()):
            effects += self.look()
        return [*effects, *self._release(now)]

    def _check_deadline(self, task: Task, now: datetime, *, is_connected: bool) -> list[Effect]:
        """Fail a Task if it is overdue, or have the history read first."""
        if is_surely_early(task, now, self._limits):
            return []  # the cheap check first, as a queue may be long
        attempts = self._ledger.attempts(task.id)
        if is_drawn_in_time(task, attempts, now, self._limits, self._speed):
            return []
        if attempts and self._send_queue.waits_for_disk(attempts[-1].nonce):
            return []  # not sent yet, so no answer can be overdue
        due = deadline(task, attempts, self._limits, self._speed)
        return [] if due is None or due.at > now else self._overdue(task, due, now, is_connected=is_connected)

    def look(self) -> list[Effect]:
        """Read the history now; if it is being read or was tried just before, a later sweep does it."""
        self._is_wanted = self._reading_since is not None or self._clock.monotonic() < self._retry_at
        if self._is_wanted:
            return []
        look = ReadHistory(*self._span())
        self._reading_since = self._clock.now()
        return [look]

    def expect_final(self, task_id: TaskId) -> None:
        """Have the history read for a Task's final message if that does not come within `final_grace`."""
        self._finals.setdefault(task_id, self._clock.now() + self._limits.final_grace)

    def _is_final_due(self) -> bool:
        now = self._clock.now()
        for task_id in [each for each in self._finals if not self._awaits_final(each)]:
            del self._finals[task_id]
        return any(at <= now for at in self._finals.values())

    def _awaits_final(self, task_id: TaskId) -> bool:
        task = self._ledger.tasks.get(task_id)
        return task is not None and task.message_id is None

    def _overdue(self, task: Task, due: Deadline, now: datetime, *, is_connected: bool) -> list[Effect]:
        looks = self._looks_since(due.at)
        has_looked = self._has_looked_since(due.at)
        # It may have become due while the server was down or the machine slept.
        patient_until = max(due.at, self._began_at) + self._limits.offline_patience
        if not due.look_first or has_looked or now > patient_until:
            ended = self._ledger.ended(task.id, settled=False)
            return [Change(task_id=task.id, events=(due.event,), attempts=ended)]
        is_time = self._reading_since is None and (not looks or now - looks[0] >= self._look_again)
        self._is_wanted = self._is_wanted or (is_connected and is_time)
        return []

    def _looks_since(self, moment: datetime) -> list[datetime]:
        return [began for began in self._looks if began > moment]

    def _has_looked_since(self, moment: datetime) -> bool:
        """Tell whether two reads of the history that are `look_again` apart began after a moment.

        One is not enough: it may come after the progress message was deleted and before the picture is posted.
        """
        looks = self._looks_since(moment)
        return bool(looks) and looks[-1] - looks[0] >= self._look_again

    def _forget_looks(self, now: datetime) -> None:
        """Forget reads of the history that are too old to count for any deadline."""
        while self._looks and now - self._looks[0] > self._limits.offline_patience + self._look_again:
            self._looks.popleft()

    def _span(self) -> tuple[MessageId | None, int]:
        """Return the id after which the messages of open work are (None: not known), and how many to read at most."""
        known = [attempt.interaction_id for attempt in self._ledger.index.open()] + self._to_press_on()
        if not known:
            return None, self._limits.history_messages
        ids = [int(interaction_id) for interaction_id in known if interaction_id is not None]
        oldest = MessageId(str(min(ids))) if len(ids) == len(known) else None
        return oldest, self._limits.max_history_messages

    def _to_press_on(self) -> list[InteractionId]:
        """Return ids just older than the messages on which Tasks have their next press to come: they are to be read."""
        waiting = [
            (task, self._ledger.attempts(task.id)) for task in self._ledger.running.values() if task.ask.then_press
        ]
        presses = [attempts[-1] for task, attempts in waiting if waits_for_next_press(attempts, task)]
        return [InteractionId(str(min(map(int, press.message_ids)) - 1)) for press in presses]

    def not_read(self) -> None:
        """Record that a read of the history failed; it is tried again soon."""
        self._reading_since = None
        self._retry_at = self._clock.monotonic() + RETRY_AFTER_SECONDS
        self._is_wanted = True

    def was_read(self, count: int, oldest: Message | None, unplaced: Sequence[Reading] | None) -> list[Effect]:
        """Record the end of a read of `count` messages, which have been handled; return the effects of its result.

        `oldest` is its first message if there may be more before it. `unplaced` are the messages of jobs that match no
        Attempt; None when that is not known.
        """
        began, self._reading_since = self._reading_since, None
        now, moment = self._clock.now(), self._clock.monotonic()
        took = now - began if began else timedelta(0)
        if began is None or took > (1 + count // PAGE) * self._limits.slow_read:
            self._retry_at = moment + max(RETRY_AFTER_SECONDS, took.total_seconds())  # overdue Tasks have it read again
            return []
        self._looks.append(began)
        self._finals = {task_id: at for task_id, at in self._finals.items() if at >= began}
        complete_since = _created(oldest) if oldest else None
        if unplaced is None or not self._limits.resubmit_after_crash:
            return []
        return self._requeue_never_sent(complete_since, unplaced)

    def _requeue_never_sent(self, complete_since: datetime | None, unplaced: Sequence[Reading]) -> list[Effect]:
        """Requeue Tasks that an earlier process stored but did not send, as the history just read has no trace of them.

        Only if the bot had time to answer before each of two reads, and only without any doubt:
        - the history reaches back to before the Attempt (`complete_since` None: to the channel's beginning);
        - it has no younger job of this Account that matches no Attempt;
        - it has no such job that may still be drawn, behind which this one may wait: the bot says "Job queued" to one
          session only. For the same reason, jobs of ended Tasks that may still be drawn must have left it a slot.
        In any other case the Task fails as OUTCOME_UNKNOWN at its deadline.
        """
        effects: list[Effect] = []
        for attempt in list(self._ledger.index.open()):
            earliest = attempt.sent_at - CLOCK_SKEW
            is_covered = complete_since is None or complete_since < earliest
            if not (is_covered and self._was_never_sent(attempt)) or self._may_have_had_no_slot(attempt):
                continue
            if not any(self._last_drawn(m) > earliest for m in unplaced if m.may_show(attempt)):
                settled = replace(attempt, ended_at=self._clock.now(), settled=True)
                effects.append(Change(task_id=attempt.task_id, events=(Requeued(NEVER_SENT),), attempts=(settled,)))
        return effects

    def _last_drawn(self, reading: Reading) -> datetime:
        """Return until when a message's job may have been drawn: the total time-out, or its end if it has ended.

        An edit may have turned its progress message into the final one, so the time of the edit counts.
        """
        created = _created(reading.message)
        if isinstance(reading.meaning, Accepted | Progressed):
            return created + self._limits.total_timeout_relax
        return max(created, reading.message.edited_at or created)

    def _may_have_had_no_slot(self, attempt: Attempt) -> bool:
        """Tell whether Midjourney may have had no free slot for an Attempt, because of jobs whose Tasks ended here."""
        others = [a for a in self._ledger.index.by_nonce.values() if a.takes_slot and a.task_id != attempt.task_id]
        drawn = [other for other in others if other.sent_at <= attempt.sent_at < self._may_be_drawn_until(other)]
        return len(drawn) >= self._slots

    def _may_be_drawn_until(self, attempt: Attempt) -> datetime:
        task = self._ledger.tasks.get(attempt.task_id)
        if attempt.settled or task is None:
            return attempt.ended_at or attempt.sent_at
        return may_be_drawn_until(task, attempt, self._limits, self._speed)

    def _was_never_sent(self, attempt: Attempt) -> bool:
        """Tell whether nothing was seen of an Attempt of an earlier process, though the history would show it."""
        has_trace = attempt.accepted_at or attempt.interaction_id or attempt.message_ids
        could_be_answered = self._has_looked_since(attempt.sent_at + self._limits.ack_timeout)
        has_tries_left = tries(self._ledger.attempts(attempt.task_id)) <= self._limits.max_requeues
        is_older = not self._send_queue.was_sent_here(attempt.nonce)
        return not has_trace and is_older and could_be_answered and has_tries_left and leaves_trace(attempt)

    def clock_was_set(self) -> None:
        """Discard times from before the clock was set: they cannot be compared with the Tasks' shifted times."""
        self._looks.clear()
        now = self._clock.now()
        if self._reading_since is not None:
            self._reading_since = now
        self._began_at = self._swept_at = now
        self._finals = dict.fromkeys(self._finals, now + self._limits.final_grace)

    def reset(self) -> None:
        """Reset after a defect ended the worker, and with it any read of the history."""
        self._reading_since, self._is_wanted = None, True

    def _release(self, now: datetime) -> list[Effect]:
        """End open Attempts of ended Tasks (cancelled while Midjourney drew) when no picture can come any more."""
        effects: list[Effect] = []
        for attempt in list(self._ledger.index.open()):
            task = self._ledger.tasks.get(attempt.task_id)
            is_ended = task is None or task.state.is_terminal
            if is_ended and attempt.task_id not in self._ledger.lost:
                end = partial(self._end_if_over, task, attempt, now)
                effects += self._outcomes.unless_it_breaks(attempt.task_id, end)
        return effects

    def _end_if_over(self, task: Task | None, attempt: Attempt, now: datetime) -> list[Effect]:
        is_over = task is None or release(task, attempt, self._limits, self._speed) <= now
        return [Learn((replace(attempt, ended_at=now),))] if is_over else []


def _created(message: Message) -> datetime:
    return message.created_at or time_of_snowflake(message.id)
