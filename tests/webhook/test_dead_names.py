"""Webhooks to names that never resolve leave places for the others."""

from dataclasses import replace
from datetime import timedelta

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
RULES = WebhookRules(try_timeout=FOR_EVER, max_concurrent=6)


async def test_the_names_under_one_domain_take_half_of_the_places(store: MemoryStore, receiver: Receiver):
    for number in range(30):
        await notices(store, f"http://{number}.dead.test/hook", Dispatched())
    await notices(store, receiver.url, Dispatched())
    async with (
        SilentNameServer.running() as server,
        Names(NameRules(timeout=FOR_EVER, servers=(server.address,))) as names,
        Outbound({receiver.host}, resolver=names) as outbound,
        sending(store, outbound, RULES),
    ):
        await receiver.until_taken(1)
        await server.until_asked_for_many("", 3)

        assert len(set(server.asked)) == 3


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


async def test_a_pile_of_notices_for_a_dead_domain_is_in_nobodys_way(
    store: MemoryStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """The first that are looked at are all for it, and more are due than are looked at."""
    monkeypatch.setattr(sender, "ROWS_LOOKED_AT", 10)
    for number in range(30):
        await notices(store, f"http://{number}.dead.test/hook", Dispatched())
    await notices(store, receiver.url, Dispatched())
    async with (
        SilentNameServer.running() as server,
        Names(NameRules(timeout=FOR_EVER, servers=(server.address,))) as names,
        Outbound({receiver.host}, resolver=names) as outbound,
        sending(store, outbound, RULES),
    ):
        await receiver.until_taken(1)
