"""Webhooks to names that never resolve, and to hosts that never answer, leave places for the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from midway.domain.lifecycle import Dispatched
from midway.outbound.client import Outbound
from midway.outbound.names import NameRules, Names
from midway.store.memory import MemoryStore
from midway.webhook import sender
from midway.webhook.rules import WebhookRules

from tests.support.name_server import SilentNameServer
from tests.webhook.conftest import Receiver, sending
from tests.webhook.test_sender import notices

FOR_EVER = timedelta(hours=1)
DEFAULTS = WebhookRules(try_timeout=FOR_EVER)
RULES = replace(DEFAULTS, max_concurrent=6)


class QuietStore(MemoryStore):
    """Rings no bell for a look at the dead letters, so that nothing but the outbox itself wakes a sender."""

    async def forget_dead_letters(self, before: datetime) -> None:
        """Do nothing."""


@asynccontextmanager
async def dead_names(store: MemoryStore, rules: WebhookRules) -> AsyncIterator[SilentNameServer]:
    """Run a sender to which only alive.test resolves, and loopback is allowed."""
    async with (
        SilentNameServer.running({"alive.test": "127.0.0.1"}) as server,
        Names(NameRules(timeout=FOR_EVER, servers=(server.address,))) as names,
        Outbound({"alive.test", "127.0.0.1"}, resolver=names) as outbound,
        sending(store, outbound, rules),
    ):
        yield server


async def test_a_dead_domain_leaves_places_for_a_new_receiver(store: MemoryStore, receiver: Receiver):
    for number in range(30):
        await notices(store, f"http://{number}.dead.test/hook", Dispatched())
    await notices(store, receiver.url, Dispatched())
    async with dead_names(store, RULES) as server:
        await receiver.until_taken(1)

        assert len(set(server.asked)) == 1  # of the three places of those that are not known to answer


async def test_thirty_dead_domains_leave_places_for_a_new_receiver(store: MemoryStore, receiver: Receiver):
    """An incident: two of them took all places."""
    for name in range(10):
        for domain in range(30):
            await notices(store, f"http://{name}.dead{domain}.test/hook", Dispatched())
    await notices(store, receiver.url, Dispatched())
    async with dead_names(store, DEFAULTS) as server:
        await receiver.until_taken(1)

        assert len(set(server.asked)) < 50  # the half of those not known to answer was not full


async def test_no_number_of_dead_domains_delays_a_receiver_that_answered(store: MemoryStore, receiver: Receiver):
    async with dead_names(store, DEFAULTS) as server:
        await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(1)
        for domain in range(100):
            for name in range(3):
                await notices(store, f"http://{name}.dead{domain}.test/hook", Dispatched())
        await server.until_asked_for_many("", 50)
        receiver.gate.clear()
        for _ in range(5):
            await notices(store, receiver.url, Dispatched())
        await receiver.until_posts(6)  # as many at once as one host may have
        receiver.gate.set()
        await receiver.until_taken(6)

        assert len(set(server.asked)) == 50


async def test_a_silent_address_with_many_ports_is_one_of_many(store: MemoryStore, receiver: Receiver):
    """An incident: each port counted by itself, so twenty took all places."""
    connections = 0
    third_taken, end = asyncio.Event(), asyncio.Event()

    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 17:  # a third of the fifty places of those that are not known to answer
            third_taken.set()
        await end.wait()
        writer.close()

    async with AsyncExitStack() as open_ports, dead_names(store, DEFAULTS):
        await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(1)
        for _ in range(20):
            server = await open_ports.enter_async_context(await asyncio.start_server(be_silent, "127.0.0.1", 0))
            for _ in range(6):
                await notices(store, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", Dispatched())
        await third_taken.wait()
        await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(2)  # it answered before, at the same address
        await notices(store, receiver.url.replace("127.0.0.1", "alive.test"), Dispatched())
        await receiver.until_taken(3)  # a new one
        assert connections == 17
        end.set()


async def test_a_name_that_does_not_resolve_in_time_is_tried_again(store: MemoryStore, receiver: Receiver):
    """A name server that is away for a while costs no notice."""
    await notices(store, f"http://late.test:{receiver.server.port}/hook", Dispatched())
    quick = replace(RULES, first_delay=timedelta(milliseconds=1), longest_delay=timedelta(milliseconds=5))
    async with (
        SilentNameServer.running() as server,
        Names(NameRules(timeout=timedelta(seconds=1), servers=(server.address,))) as names,
        Outbound({"late.test"}, resolver=names) as outbound,
        sending(store, outbound, quick),
    ):
        await server.until_asked(20)  # more than one look-up does
        server.answer_late("late.test", "127.0.0.1")
        await receiver.until_taken(1)

        assert set(server.asked) == {"late.test"}


async def test_a_pile_of_notices_for_a_dead_domain_is_in_nobodys_way(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """The first that are looked at are all for it, and more are due than are looked at."""
    monkeypatch.setattr(sender, "ROWS_LOOKED_AT", 10)
    store = QuietStore()
    for number in range(30):
        await notices(store, f"http://{number}.dead.test/hook", Dispatched())
    await notices(store, receiver.url, Dispatched())
    async with dead_names(store, RULES):
        await receiver.until_taken(1)

        waiting = await store.outbox_due(datetime.now(UTC) + timedelta(days=365))
        assert {row.url for row in waiting} >= {f"http://{number}.dead.test/hook" for number in range(30)}


async def test_a_pile_of_notices_for_many_dead_domains_is_in_no_way_of_who_answered(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "ROWS_LOOKED_AT", 10)
    store = QuietStore()
    async with dead_names(store, RULES) as server:
        await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(1)
        for number in range(30):
            await notices(store, f"http://{number}.dead{number}.test/hook", Dispatched())
        await server.until_asked_for_many("", 3)
        await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(2)

        waiting = await store.outbox_due(datetime.now(UTC) + timedelta(days=365))
        assert {row.url for row in waiting} >= {f"http://{number}.dead{number}.test/hook" for number in range(30)}
