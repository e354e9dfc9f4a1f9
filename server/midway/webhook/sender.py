"""Delivers the outbox: each Task's notices in order, none forgotten."""

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

LOOK_AHEAD = timedelta(minutes=1)  # the outbox is read at least so often, should a ring of the doorbell be lost
ROWS_LOOKED_AT = 1000  # first notices read at once; more than wait for any few receivers that do not answer
SWEEP_PERIOD = timedelta(hours=1)  # between two looks for dead letters that are too old
STORE_PAUSE = timedelta(seconds=1)  # between two tries of a store that refuses
SETTLING_PAUSE = timedelta(milliseconds=100)  # while a clock that was set is taken over


class WebhookSender:
    """Posts every notice of the outbox until it is taken, or too old, or hopeless.

    A notice leaves the outbox only then, so a notice may arrive twice and never not at all: receivers drop repeats by
    their `webhook-id`. Of one Task only one notice is ever under way; the store holds the later ones back. What is
    given up becomes a dead letter, which an operator can send again.
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
        """Take the parts; nothing runs yet. Raises WebhookSecretInvalid."""
        self._outbox = outbox
        self._clock = SteadyClock.of(clock)
        self._rules = rules or WebhookRules()
        self._delivery = Delivery(render, outbound, Signature(secret), self._rules.try_timeout)
        self._random = random or Random()  # noqa: S311  # spreads retries
        # Owned by `run` and the deliveries it starts.
        self._under_way: dict[TaskId, Place] = {}  # each with the host that it is posted to
        self._answering = Answering()
        self._wake = asyncio.Event()
        self._sweep_at = time.monotonic()
        self._is_told = False  # that the store cannot be read

    async def run(self) -> None:
        """Deliver what falls due, until cancelled; the next run goes on from the same outbox."""
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
            if not self._is_told:
                log.warning("no webhook is posted while the store cannot be read", error=str(err))
            self._is_told = True
            return STORE_PAUSE
        self._is_told = False
        if self._clock.boot != boot or not self._clock.is_settled:  # the rows may be dated by another clock
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
            return timedelta()  # behind those that were read, now passed over, others may have a place
        return min((row.due_at - now for row in rows if row.due_at > now), default=LOOK_AHEAD)

    async def _forget_old(self) -> None:
        """Let go of dead letters that nobody has wanted for long."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP_PERIOD.total_seconds()
        with contextlib.suppress(StoreUnavailable):  # the next sweep does it
            await self._outbox.forget_dead_letters(self._clock.now() - self._rules.keep_dead_letters)

    async def _idle_rows(self, until: datetime) -> list[OutboxRow]:
        """Read each Task's first notice, save of the Tasks that have one under way."""
        # Also those under way before the read: what ends meanwhile may still be in what was read.
        busy = self._under_way.copy()
        rows = await self._rows(until)
        return [row for row in rows if row.task.id not in busy and row.task.id not in self._under_way]

    async def _rows(self, until: datetime) -> list[OutboxRow]:
        """Read the first notices; those that wait for a place of their host or domain are in nobody's way."""
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
        """Try a notice once, which is tried until `give_up_at` (monotonic)."""
        try:
            outcome = await self._supervised_attempt(row)
            if outcome.answered is not None:
                self._answering.note(place_of(row.url), answered=outcome.answered)
            await self._record(row, outcome, give_up_at)
        finally:
            self._under_way.pop(row.task.id, None)
            self._wake.set()

    async def _supervised_attempt(self, row: OutboxRow) -> Outcome:
        """Try once; a defect on the way costs this try and not every other notice."""
        try:
            return await self._delivery.attempt(row, self._clock.wall())  # receivers compare with their own clock
        except Exception as err:  # supervised: becomes a failed try
            log.exception("webhook: a try broke", task_id=row.task.id)
            return Outcome(Verdict.FAILED, type(err).__name__)

    async def _record(self, row: OutboxRow, outcome: Outcome, give_up_at: float) -> None:
        """Write down what became of the try, and stay at it until the store takes it.

        Until then the notice counts as under way: it must not be posted again and again meanwhile.
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
        """Return how long to wait for the next try; None when there is nothing left to do."""
        if outcome.verdict is not Verdict.FAILED:
            return None
        delay = delay_after(row.tries, self._rules, self._random)
        wait = max(delay, min(outcome.retry_after, self._rules.longest_delay))
        return wait if time.monotonic() + wait.total_seconds() <= give_up_at else None


def _log_outcome(row: OutboxRow, outcome: Outcome, *, is_last: bool) -> None:
    """Log the first failure of a notice and its end; the host only, addresses may carry keys."""
    if outcome.verdict is Verdict.DELIVERED:
        return
    told = {"task_id": row.task.id, "host": place_of(row.url).host, "problem": outcome.problem, "tries": row.tries + 1}
    if is_last:
        log.error("webhook given up", **told)
    elif row.tries == 0:
        log.warning("webhook failed; it will be tried again", **told)
