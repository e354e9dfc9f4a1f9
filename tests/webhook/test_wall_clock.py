"""The wall clock is set while notices wait: none is late for it, none too old."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from midway.domain.lifecycle import Dispatched, apply
from midway.engine.clock import Clock, SteadyClock
from midway.outbound.client import Outbound
from midway.store.memory import MemoryStore
from midway.store.port import OutboxRow
from midway.webhook.rules import WebhookRules
from midway.webhook.sender import WebhookSender

from tests.store.tasks import a_task, submitted
from tests.support.clocks import Machine
from tests.support.writes import write
from tests.webhook.conftest import Receiver, render

RULES = WebhookRules(first_delay=timedelta(milliseconds=50), longest_delay=timedelta(milliseconds=50))
STEPS = pytest.mark.parametrize("by", [{"hours": -2}, {"days": 3}], ids=["back", "forward"])


@asynccontextmanager
async def sending(store: MemoryStore, clock: Clock, outbound: Outbound) -> AsyncIterator[None]:
    """Run a sender by this clock."""
    sender = WebhookSender(store, clock, render, outbound, rules=RULES)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sender.run())
        yield
        running.cancel()


async def refused_notice(store: MemoryStore, clock: Clock, receiver: Receiver) -> None:
    """Put a notice into the outbox that the receiver does not take at first."""
    receiver.answers.extend(web.Response(status=500) for _ in range(3))
    task = await submitted(store, a_task(notify_url=receiver.url))
    await write(store, apply(task, Dispatched(), clock.now()), notify=True)


@STEPS
async def test_a_retry_comes_while_the_step_is_not_yet_taken_over(
    store: MemoryStore, outbound: Outbound, receiver: Receiver, by: dict[str, float]
):
    machine = Machine()
    await refused_notice(store, machine, receiver)

    async with sending(store, machine, outbound):
        await receiver.until_posts(1)
        machine.set_clock(**by)
        await receiver.until_taken(1)

    assert not await store.dead_letters()


@STEPS
async def test_a_retry_comes_after_the_step_was_taken_over(
    store: MemoryStore, outbound: Outbound, receiver: Receiver, by: dict[str, float]
):
    machine = Machine()
    clock = SteadyClock(machine)
    await store.follow_clock(clock.boot, clock.now())
    await refused_notice(store, clock, receiver)
    receiver.gate.clear()

    async with sending(store, clock, outbound):
        await receiver.until_posts(1)
        machine.set_clock(**by)
        clock.boot = clock.look()
        await store.follow_clock(clock.boot, clock.now())
        receiver.gate.set()
        await receiver.until_taken(1)

    assert not await store.dead_letters()


class ReadStore(MemoryStore):
    """Tells when the outbox was read for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.read_twice = 0, asyncio.Event()

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ) -> list[OutboxRow]:
        self.reads += 1
        if self.reads == 2:
            self.read_twice.set()
        return await super().outbox_due(now, limit, besides, save)


@STEPS
async def test_nothing_is_begun_between_the_old_clock_and_the_new(
    outbound: Outbound, receiver: Receiver, by: dict[str, float]
):
    """A notice that was refused then was given up: by the new clock it had waited for three days."""
    store, machine = ReadStore(), Machine()
    clock = SteadyClock(machine)
    await store.follow_clock(clock.boot, clock.now())
    await refused_notice(store, clock, receiver)
    machine.set_clock(**by)

    with clock.taken_over(clock.look()):
        async with sending(store, clock, outbound):
            await store.read_twice.wait()
        assert not receiver.posts
        await store.follow_clock(clock.boot, clock.now())
    async with sending(store, clock, outbound):
        await receiver.until_taken(1)

    assert not await store.dead_letters()


@STEPS
async def test_the_time_that_is_signed_is_the_wall_clocks(
    store: MemoryStore, outbound: Outbound, receiver: Receiver, by: dict[str, float]
):
    """Receivers compare it with their own, and refuse what is some minutes off."""
    machine = Machine()
    clock = SteadyClock(machine)
    await refused_notice(store, clock, receiver)
    machine.set_clock(**by)

    async with sending(store, clock, outbound):
        await receiver.until_posts(1)

    signed = int(receiver.posts[0].headers["webhook-timestamp"])
    assert abs(signed - machine.now().timestamp()) < timedelta(minutes=10).total_seconds()
