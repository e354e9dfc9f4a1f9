"""What the webhook sender promises, against a real receiver over a real socket."""

import asyncio
import socket
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import midway.store
import pytest
from aiohttp import web
from midway.domain.lifecycle import Accepted, Dispatched, Event, Progressed, apply
from midway.domain.task import Task
from midway.engine.clock import SystemClock
from midway.outbound.client import Outbound
from midway.store import sqlite_url
from midway.store.memory import MemoryStore
from midway.store.port import Store, StoreUnavailable
from midway.webhook.sender import WebhookSender
from structlog.testing import capture_logs

from tests.store.tasks import SUCCEED, a_task, submitted
from tests.support.writes import write
from tests.webhook.conftest import QUICK, Receiver, render, sending, until_outbox, until_outbox_is_empty

LIFE: tuple[Event, ...] = (Dispatched(), Accepted(), Progressed(30), SUCCEED)
STATES = ["SUBMITTING", "SUBMITTED", "IN_PROGRESS", "SUCCEEDED"]


async def change(store: Store, task: Task, *events: Event) -> Task:
    """Let the Task live on, now, each change with a notice."""
    for event in events:
        changed = apply(task, event, datetime.now(UTC))
        task = await write(store, changed, notify=True)
    return task


async def notices(store: Store, url: str, *events: Event) -> Task:
    return await change(store, await submitted(store, a_task(notify_url=url)), *events)


async def test_notice_is_posted_as_rendered_and_leaves_the_outbox(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    task = await notices(store, receiver.url, Dispatched())

    async with sending(store, outbound):
        await until_outbox_is_empty(store)

    [post] = receiver.taken
    assert post.body == render(task)
    assert post.headers["content-type"] == "application/json"


async def test_change_while_running_is_delivered_by_the_doorbell(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    async with sending(store, outbound):
        task = await notices(store, receiver.url, Dispatched())
        await receiver.until_taken(1)

    assert [post.change for post in receiver.taken] == [(task.id, "SUBMITTING")]


async def test_notices_of_a_task_arrive_in_order_with_the_end_last(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    await notices(store, receiver.url, *LIFE)

    async with sending(store, outbound):
        await receiver.until_taken(4)

    assert [post.change[1] for post in receiver.taken] == STATES


async def test_order_holds_over_failures(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.answers.extend(web.Response(status=status) for status in (500, 404, 302, 503, 429))
    await notices(store, receiver.url, *LIFE)

    async with sending(store, outbound):
        await receiver.until_taken(4)

    assert [post.change[1] for post in receiver.posts] == ["SUBMITTING"] * 6 + STATES[1:]


async def test_notice_has_the_same_id_at_every_try_and_no_other_notice_has_it(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    receiver.answers.extend(web.Response(status=500) for _ in range(2))
    task = await notices(store, receiver.url, Dispatched(), Accepted())

    async with sending(store, outbound):
        await receiver.until_taken(2)

    first, second = f"msg_{task.id}_{task.revision - 1}", f"msg_{task.id}_{task.revision}"
    assert [post.headers["webhook-id"] for post in receiver.posts] == [first, first, first, second]


async def test_tasks_do_not_wait_for_each_other(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.gate.clear()
    for _ in range(5):
        await notices(store, receiver.url, *LIFE)

    async with sending(store, outbound):
        await receiver.until_posts(5)
        under_way = {post.change for post in receiver.posts}
        receiver.gate.set()
        await receiver.until_taken(20)

    assert {state for _, state in under_way} == {"SUBMITTING"}
    assert len(under_way) == 5


async def test_never_more_at_a_time_than_allowed(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    for _ in range(12):
        await notices(store, receiver.url, Dispatched(), Accepted())

    async with sending(store, outbound, replace(QUICK, max_concurrent=3)):
        await receiver.until_taken(24)

    assert receiver.most_open <= 3


async def test_a_receiver_that_never_answers_holds_up_no_other(store: MemoryStore, receiver: Receiver):
    """An incident: sixty Tasks with a silent notifyHook delayed everybody else's notices by a minute."""
    silent = Receiver()
    silent.gate.clear()
    async with silent.server, Outbound({"127.0.0.1"}) as to_loopback:
        for _ in range(60):
            await notices(store, silent.url, Dispatched())
        await notices(store, receiver.url, Dispatched())
        async with sending(store, to_loopback, replace(QUICK, max_concurrent=10)):
            await receiver.until_taken(1)
            silent.gate.set()

    assert silent.most_open <= QUICK.max_concurrent_per_host


async def test_dead_receiver_delays_no_other(store: MemoryStore, receiver: Receiver, unused_tcp_port: int):
    for _ in range(5):
        await notices(store, f"http://127.0.0.1:{unused_tcp_port}/", Dispatched())
    task = await notices(store, receiver.url, Dispatched())
    async with Outbound({"127.0.0.1"}) as to_loopback, sending(store, to_loopback, replace(QUICK, max_concurrent=2)):
        await receiver.until_taken(1)

    assert [post.change for post in receiver.taken] == [(task.id, "SUBMITTING")]


async def test_too_old_a_notice_is_given_up_and_the_next_goes_on(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    receiver.answers.append(web.Response(status=500))
    await notices(store, receiver.url, Dispatched(), Accepted())

    with capture_logs() as logs:
        async with sending(store, outbound, replace(QUICK, max_age=timedelta(0))):
            await until_outbox_is_empty(store)

    assert [post.change[1] for post in receiver.taken] == ["SUBMITTED"]
    assert [entry["event"] for entry in logs] == ["webhook given up"]


async def test_gone_ends_the_notice_at_once(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.answers.append(web.Response(status=410))
    await notices(store, receiver.url, Dispatched())

    async with sending(store, outbound):
        await until_outbox_is_empty(store)

    assert len(receiver.posts) == 1


async def test_retry_after_is_honoured(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.answers.append(web.Response(status=429, headers={"Retry-After": "300"}))
    task = await notices(store, receiver.url, Dispatched())

    async with sending(store, outbound, replace(QUICK, longest_delay=timedelta(hours=1))):
        [row] = await until_outbox(store, lambda rows: rows[0].tries > 0)

    assert row.due_at >= task.updated_at + timedelta(seconds=300)


async def test_private_address_is_given_up_unasked(store: MemoryStore, receiver: Receiver):
    await notices(store, receiver.url, Dispatched())

    async with Outbound() as outbound, sending(store, outbound):
        await until_outbox_is_empty(store)

    assert receiver.posts == []


@pytest.mark.parametrize("url", ["ftp://x.example/", "not an address", "http://[::1", "http://u:p@x.example/"])
async def test_impossible_address_is_given_up(store: MemoryStore, outbound: Outbound, url: str):
    await notices(store, url, Dispatched())

    with capture_logs() as logs:
        async with sending(store, outbound):
            await until_outbox_is_empty(store)

    assert [entry["event"] for entry in logs] == ["webhook given up"]


async def test_receiver_that_never_answers_is_tried_again(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    receiver.gate.clear()
    task = await notices(store, receiver.url, Dispatched())

    async with sending(store, outbound, replace(QUICK, try_timeout=timedelta(milliseconds=20))):
        await receiver.until_posts(2)
        receiver.gate.set()
        await until_outbox_is_empty(store)

    assert {post.change for post in receiver.posts} == {(task.id, "SUBMITTING")}


async def cut_after_head(listener: socket.socket) -> bytes:
    """Take one connection, read a request's head, and hang up without an answer."""
    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await asyncio.get_running_loop().sock_recv(connection, 65536)
    return head


async def test_connection_cut_before_the_answer_is_tried_again(store: MemoryStore):
    """A receiver that dies while it has the notice may have taken it; it gets it again, under the same id."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        await notices(store, f"http://127.0.0.1:{port}/", Dispatched())
        async with Outbound({"127.0.0.1"}) as to_loopback, sending(store, to_loopback):
            heads = [await cut_after_head(listener) for _ in range(3)]

    ids = [line for head in heads for line in head.splitlines() if line.startswith(b"webhook-id:")]
    assert len(ids) == 3
    assert len(set(ids)) == 1


async def test_notices_outlive_the_process(tmp_path: Path, outbound: Outbound, receiver: Receiver):
    """What was under way when the sender was stopped is posted again by the next one, and the rest after it."""
    url = sqlite_url(tmp_path / "midway.db")
    async with midway.store.open(url) as store:
        await notices(store, receiver.url, *LIFE)
        receiver.gate.clear()
        async with sending(store, outbound):
            await receiver.until_posts(1)
    receiver.gate.set()

    async with midway.store.open(url) as store, sending(store, outbound):
        await until_outbox_is_empty(store)

    assert [post.change[1] for post in receiver.posts] == ["SUBMITTING", *STATES]
    assert receiver.posts[0].headers["webhook-id"] == receiver.posts[1].headers["webhook-id"]


async def test_render_that_breaks_costs_its_own_notice_a_try(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    broken = await notices(store, receiver.url, Dispatched())
    sound = await notices(store, receiver.url, Dispatched())

    def fragile(task: Task) -> bytes:
        if task.id == broken.id:
            raise KeyError("no such word")
        return render(task)

    sender = WebhookSender(store, SystemClock(), fragile, outbound, rules=QUICK)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sender.run())
        with capture_logs():
            await until_outbox(store, lambda rows: [row.task.id for row in rows] == [broken.id] and rows[0].tries > 0)
        running.cancel()

    assert [post.change[0] for post in receiver.taken] == [sound.id]


class StumblingStore(MemoryStore):
    """Refuses the first few times."""

    def __init__(self) -> None:
        super().__init__()
        self.reads_refused = self.writes_refused = 0

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ):
        if self.reads_refused:
            self.reads_refused -= 1
            raise StoreUnavailable
        return await super().outbox_due(now, limit, besides, save)

    async def outbox_delivered(self, sequence: int) -> None:
        if self.writes_refused:
            self.writes_refused -= 1
            raise StoreUnavailable
        await super().outbox_delivered(sequence)


async def test_store_that_refuses_for_a_while_loses_and_repeats_nothing(
    outbound: Outbound, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("midway.webhook.sender.STORE_PAUSE", timedelta(milliseconds=1))
    store = StumblingStore()
    await notices(store, receiver.url, Dispatched(), Accepted())
    store.reads_refused, store.writes_refused = 2, 3

    async with sending(store, outbound):
        await receiver.until_taken(2)

    assert [post.change[1] for post in receiver.posts] == ["SUBMITTING", "SUBMITTED"]


async def test_a_store_that_cannot_be_read_is_told_once(
    outbound: Outbound, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("midway.webhook.sender.STORE_PAUSE", timedelta(milliseconds=1))
    store = StumblingStore()
    await notices(store, receiver.url, Dispatched())
    store.reads_refused = 3

    with capture_logs() as lines:
        async with sending(store, outbound):
            await receiver.until_taken(1)

    assert [line["event"] for line in lines] == ["no webhook is posted while the store cannot be read"]


async def test_first_failure_is_logged_once_and_without_the_address(
    store: MemoryStore, outbound: Outbound, receiver: Receiver
):
    receiver.answers.extend(web.Response(status=500) for _ in range(4))
    await notices(store, f"{receiver.url}?key=secret", Dispatched())

    with capture_logs() as logs:
        async with sending(store, outbound):
            await until_outbox_is_empty(store)

    assert [entry["event"] for entry in logs] == ["webhook failed; it will be tried again"]
    assert "secret" not in str(logs)
