"""What a try tells of the receiver: that it answered, that it did not, or nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from midway.domain.lifecycle import Dispatched
from midway.outbound.client import Outbound
from midway.store.memory import MemoryStore
from midway.webhook.delivery import Delivery
from midway.webhook.signature import Signature

from tests.webhook.conftest import Receiver, render
from tests.webhook.test_sender import notices


async def answered(store: MemoryStore, outbound: Outbound, url: str, within: timedelta = timedelta(seconds=30)):
    await notices(store, url, Dispatched())
    [row] = await store.outbox_due(datetime.now(UTC))
    return (await Delivery(render, outbound, Signature(None), within).attempt(row, datetime.now(UTC))).answered


@pytest.mark.parametrize("status", [200, 302, 410, 503])
async def test_any_status_is_an_answer(store: MemoryStore, outbound: Outbound, receiver: Receiver, status: int):
    receiver.answers.append(web.Response(status=status))

    assert await answered(store, outbound, receiver.url) is True


async def test_a_time_out_is_no_answer(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.gate.clear()

    assert await answered(store, outbound, receiver.url, timedelta(milliseconds=20)) is False


async def test_a_refused_connection_is_no_answer(store: MemoryStore, unused_tcp_port: int):
    async with Outbound({"127.0.0.1"}) as to_loopback:
        assert await answered(store, to_loopback, f"http://127.0.0.1:{unused_tcp_port}/") is False


async def test_an_address_that_is_refused_says_nothing(store: MemoryStore, receiver: Receiver):
    async with Outbound() as outbound:
        assert await answered(store, outbound, receiver.url) is None
