"""Delivers the outbox: each Task's notices in order, every one at least once."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import structlog

from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.engine.clock import Clock, SteadyClock
from midway.outbound.address import Place, place_of
from midway.outbound.busy import Answering, Busy
from midway.outbound.client import Outbound
from midway.store.port import Doorbell, Outbox, OutboxRow, StoreUnavailable
from midway.webhook.delivery import Delivery, Outcome, Verdict
from midway.webhook.rules import WebhookRules, delay_after
from midway.webhook.signature import Signature

log = structlog.get_logger(__name__)

LOOK_AHEAD = timedelta(minutes=1)  # the outbox is read at least this often, in case a ring of the doorbell is lost
ROWS_LOOKED_AT = 1000  # first notices read at once; so many that a few dead receivers cannot fill them
SWEEP_PERIOD = timedelta(hours=1)  # between two removals of old dead letters
STORE_PAUSE = timedelta(seconds=1)  # before the next try when the store fails
SETTLING_PAUSE = timedelta(milliseconds=100)  # while stored times are shifted after the clock was set


class WebhookSender:
    """Posts every notice of the outbox until it is delivered, too old, or cannot ever be delivered.

    Only then it is removed from the outbox, so delivery is at least once: receivers drop repeats by their `webhook-id`.
    Of one Task only one notice is under way at a time; the store holds the later ones back. A notice that is given up
    becomes a dead letter, which an operator can send again.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        render: Callable[[Task], bytes],
        outbound: Outbound,
        *,
        rules: WebhookRules | None = None,
        secret: str | None = None,
        random: Random | None = None,
    ) -> None:
        """Set up; nothing runs before `run`. Raises WebhookSecretInvalid."""
        self._outbox = outbox
        self._clock = SteadyClock.of(clock)
        self._rules = rules or WebhookRules()
        self._delivery = Delivery(render, outbound, Signature(secret), self._rules.try_timeout)
        self._random = random or Random()  # noqa: S311 - jitter of retries, no secret
        # Owned by `run` and the deliveries it starts.
        self._under_way: dict[TaskId, Place] = {}  # the host and domain that each Task's notice is posted to
        self._answering = Answering()
        self._wake = asyncio.Event()
        self._sweep_at = time.monotonic()
        self._has_logged_failure = False  # of reading the store

    async def run(self) -> None:
        """Deliver notices as they fall due, until cancelled; the next run continues with the same outbox."""
        async with self._outbox.outbox_doorbell() as bell, asyncio.TaskGroup() as group:
            group.create_task(self._listen(bell), name="webhook-doorbell")
            while True:
                self._wake.clear()
                await self._forget_old()
                pause = await self._start_due(group)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause.total_seconds()):
                        await self._wake.wait()

    async def _listen(self, bell: Doorbell) -> None:
        while True:
            await bell.wait()
            self._wake.set()

    async def _start_due(self, group: asyncio.TaskGroup) -> timedelta:
        """Start as many deliveries as may run; return how long until the next notice falls due."""
        boot, now = self._clock.boot, self._clock.now()
        try:
            rows = await self._idle_rows(now + LOOK_AHEAD)
        except StoreUnavailable as err:
            if not self._has_logged_failure:
                log.warning("no webhook is posted while the store cannot be read", error=str(err))
            self._has_logged_failure = True
            return STORE_PAUSE
        self._has_logged_failure = False
        # If the clock was set meanwhile, the rows' times may be by the clock as it was before.
        if self._clock.boot != boot or not self._clock.is_settled:
            return SETTLING_PAUSE
        due = [row for row in rows if row.due_at <= now]
        busy = self._busy()
        under_way_before = len(self._under_way)
        for row in due:
            place = place_of(row.url)
            if not busy.has_place(place):
                continue
            busy.add(place)
            self._under_way[row.task.id] = place
            time_left = row.since + self._rules.max_age - now
            group.create_task(
                self._deliver(row, time.monotonic() + time_left.total_seconds()),
                name=f"webhook-{row.task.id}-{row.task.revision}",
            )
        if len(rows) + under_way_before >= ROWS_LOOKED_AT and len(self._under_way) > under_way_before:
            return timedelta()  # read again at once: without those just started, further rows may be allowed to start
        return min((row.due_at - now for row in rows if row.due_at > now), default=LOOK_AHEAD)

    async def _forget_old(self) -> None:
        """Remove dead letters that are older than `keep_dead_letters`, once in SWEEP_PERIOD."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP_PERIOD.total_seconds()
        with contextlib.suppress(StoreUnavailable):  # the next sweep does it
            await self._outbox.forget_dead_letters(self._clock.now() - self._rules.keep_dead_letters)

    async def _idle_rows(self, until: datetime) -> list[OutboxRow]:
        """Read each Task's first notice, except of Tasks that have one under way."""
        # Also of those under way before the read: a notice delivered during the read may still be among the rows.
        busy = self._under_way.copy()
        rows = await self._rows(until)
        return [row for row in rows if row.task.id not in busy and row.task.id not in self._under_way]

    async def _rows(self, until: datetime) -> list[OutboxRow]:
        """Read the first notices, without those whose host or domain has as many under way as it may."""
        besides, save = self._busy().passed_over()
        if besides == set():
            return await self._outbox.outbox_due(until, limit=ROWS_LOOKED_AT)
        return await self._outbox.outbox_due(until, limit=ROWS_LOOKED_AT, besides=besides, save=save)

    def _busy(self) -> Busy:
        rules = self._rules
        return Busy(
            rules.max_concurrent, rules.max_concurrent_per_host, self._answering, tuple(self._under_way.values())
        )

    async def _deliver(self, row: OutboxRow, give_up_at: float) -> None:
        """Try a notice once; `give_up_at` (monotonic seconds) is when it is tried no more."""
        try:
            outcome = await self._supervised_attempt(row)
            if outcome.answered is not None:
                self._answering.note(place_of(row.url), answered=outcome.answered)
            await self._record(row, outcome, give_up_at)
        finally:
            self._under_way.pop(row.task.id, None)
            self._wake.set()

    async def _supervised_attempt(self, row: OutboxRow) -> Outcome:
        """Try once; a defect counts as a failed try and does not affect other notices."""
        try:
            return await self._delivery.attempt(row, self._clock.wall())  # receivers compare with their own clock
        except Exception as err:  # supervised: counts as a failed try
            log.exception("webhook: a try failed by a defect", task_id=row.task.id)
            return Outcome(Verdict.FAILED, type(err).__name__)

    async def _record(self, row: OutboxRow, outcome: Outcome, give_up_at: float) -> None:
        """Store the outcome of a try; retry until the store answers.

        Until then the notice counts as under way, so that it is not posted again meanwhile.
        """
        while True:
            try:
                return await self._settle(row, outcome, give_up_at)
            except StoreUnavailable:
                await asyncio.sleep(STORE_PAUSE.total_seconds())

    async def _settle(self, row: OutboxRow, outcome: Outcome, give_up_at: float) -> None:
        wait = self._wait(row, outcome, give_up_at)
        if outcome.verdict is Verdict.DELIVERED:
            await self._outbox.outbox_delivered(row.sequence)
        elif wait is None:
            await self._outbox.outbox_give_up(row.sequence, outcome.problem, self._clock.now())
        else:
            await self._outbox.outbox_retry(row.sequence, self._clock.now() + wait)
        _log_outcome(row, outcome, is_last=wait is None)

    def _wait(self, row: OutboxRow, outcome: Outcome, give_up_at: float) -> timedelta | None:
        """Return how long to wait before the next try; None when there is none."""
        if outcome.verdict is not Verdict.FAILED:
            return None
        delay = delay_after(row.tries, self._rules, self._random)
        wait = max(delay, min(outcome.retry_after, self._rules.longest_delay))
        return wait if time.monotonic() + wait.total_seconds() <= give_up_at else None


def _log_outcome(row: OutboxRow, outcome: Outcome, *, is_last: bool) -> None:
    """Log a notice's first failure, and when it is given up. Only the URL's host: the rest may hold secrets."""
    if outcome.verdict is Verdict.DELIVERED:
        return
    host = place_of(row.url).host
    fields = {"task_id": row.task.id, "host": host, "problem": outcome.problem, "tries": row.tries + 1}
    if is_last:
        log.error("webhook given up", **fields)
    elif row.tries == 0:
        log.warning("webhook failed; it will be tried again", **fields)
