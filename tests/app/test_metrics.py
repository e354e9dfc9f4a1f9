"""Numbers for Prometheus."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from midway.app.metrics import Metrics, serving_metrics
from midway.domain.account import Account, AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, Revision, TaskId
from midway.domain.lifecycle import Accepted, Cancelled, Dispatched, Event, Progressed, Requeued, Restyled, failed
from midway.domain.task import TERMINAL, Ask, State, Task
from midway.store.memory import MemoryStore
from midway.store.port import StoreUnavailable
from midway.store.watch import Watch
from prometheus_client import generate_latest

from tests.store.tasks import LEARN_SEED, SUCCEED, advance, in_progress, submitted
from tests.support.processes import PATIENCE_SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def account(number: int, state: AccountState) -> Account:
    return Account(
        id=AccountId(str(number)), channel_id=ChannelId("9"), guild_id=None, since=NOW, state=state, running=number
    )


async def test_a_call_is_counted_by_method_and_code():
    metrics = Metrics()

    metrics.call_ended("/a/B", "OK", 0.02)

    assert metrics.registry.get_sample_value("midway_call_seconds_count", {"method": "/a/B", "code": "OK"}) == 1


async def test_each_change_of_a_tasks_state_is_counted_once_and_progress_is_not():
    async def updates() -> AsyncIterator[Task]:
        for state in (State.QUEUED, State.IN_PROGRESS, State.IN_PROGRESS, State.SUCCEEDED):
            yield Task(
                id=TaskId("17"),
                ask=Ask(action=Action.IMAGINE),
                created_at=NOW,
                updated_at=NOW,
                state_since=NOW,
                state=state,
            )

    metrics = Metrics()
    await metrics.follow(updates())

    counts = [
        metrics.registry.get_sample_value("midway_task_changes_total", {"action": "IMAGINE", "state": state})
        for state in (State.QUEUED, State.IN_PROGRESS, State.SUCCEEDED)
    ]
    assert counts == [1, 1, 1]


async def test_a_task_that_went_back_is_counted_again_however_late_it_is_heard_of():
    """All snapshots come at once, as to a stream that was behind."""
    store = MemoryStore()
    task = await submitted(store)
    for event in (Dispatched(), Requeued("full"), Dispatched(), Accepted(), Progressed(5), Progressed(10)):
        task = await advance(store, task, event)
    metrics = Metrics()
    async with Watch(store) as watch:
        await metrics.follow(first(7, watch.watch_all(Revision(0))))

    counts = {
        state: metrics.registry.get_sample_value("midway_task_changes_total", changes(state))
        for state in (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS)
    }
    assert counts == {State.QUEUED: 2, State.SUBMITTING: 2, State.SUBMITTED: 1, State.IN_PROGRESS: 1}


async def test_an_end_is_counted_once_whatever_is_learnt_after_it():
    """A seed, new buttons and a late picture are snapshots of an ended Task, and no further end."""
    store = MemoryStore()
    endings: list[tuple[Event, ...]] = [
        (SUCCEED,),
        (failed(Reason.INTERNAL, "a defect"), SUCCEED),
        (Cancelled(""), SUCCEED),
    ]
    for ending in endings:
        await advance(store, await in_progress(store), *ending, Restyled(None, ()), LEARN_SEED)
    metrics = Metrics()
    async with Watch(store) as watch:
        await metrics.follow(first(18, watch.watch_all(Revision(0))))

    assert ends(metrics) == dict.fromkeys(TERMINAL, 1)


async def test_after_a_start_only_ends_that_come_are_counted():
    """One Task had ended when the server was started, and its seed is asked for; the other ends now."""
    store = MemoryStore()
    old = await advance(store, await in_progress(store), SUCCEED)
    under_way = await in_progress(store)
    metrics = Metrics()
    async with Watch(store) as watch:
        changes_from_now = watch.watch_all(await store.revision())
        await advance(store, old, LEARN_SEED)
        await metrics.follow(first(1, changes_from_now))
        under_way = await advance(store, under_way, Progressed(20))
        await metrics.follow(first(1, changes_from_now))
        await advance(store, under_way, SUCCEED)
        await metrics.follow(first(1, changes_from_now))

    assert ends(metrics)[State.SUCCEEDED] == 1
    assert metrics.registry.get_sample_value("midway_task_changes_total", changes(State.IN_PROGRESS)) is None


async def test_an_end_is_counted_once_when_the_store_refuses_and_the_count_begins_again():
    store = Refusing()
    task = await in_progress(store)
    metrics = Metrics()
    async with Watch(store) as watch:
        stream = watch.watch_all(Revision(0))
        await metrics.follow(first(4, stream))
        task = await advance(store, task, SUCCEED)
        store.refuses = True
        with pytest.raises(StoreUnavailable):
            await metrics.follow(stream)
        store.refuses = False
        await metrics.follow(first(1, stream))
        await advance(store, task, LEARN_SEED)
        await metrics.follow(first(1, stream))

    assert ends(metrics)[State.SUCCEEDED] == 1


class Refusing(MemoryStore):
    """A store that cannot always be read."""

    refuses = False

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        """Read them, or refuse."""
        if self.refuses:
            raise StoreUnavailable
        return await super().changes(after, limit)


def ends(metrics: Metrics) -> dict[State, float]:
    """Return how many ends of each kind were counted."""
    return {
        state: metrics.registry.get_sample_value("midway_task_changes_total", changes(state)) or 0 for state in TERMINAL
    }


async def test_a_step_that_holds_the_loop_is_seen_as_its_lag():
    metrics = Metrics()

    def looks(most: str) -> float:
        return metrics.registry.get_sample_value("midway_event_loop_lag_seconds_bucket", {"le": most}) or 0

    following = asyncio.create_task(metrics.follow_loop())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while looks("+Inf") == looks("0.02"):
            time.sleep(0.1)  # noqa: ASYNC251 - the step that takes too long
            await asyncio.sleep(0)
    following.cancel()

    assert looks("5.0") == looks("+Inf") >= 1


async def first(count: int, updates: AsyncIterator[Task]) -> AsyncIterator[Task]:
    for _ in range(count):
        yield await anext(updates)


def changes(state: State) -> dict[str, str]:
    return {"action": "IMAGINE", "state": state.value}


async def test_the_numbers_are_written_whole_and_in_several_steps():
    metrics = Metrics()
    metrics.watch_accounts(lambda: [account(1, AccountState.ACTIVE)])
    metrics.call_ended("/a/B", "OK", 0.02)

    writing = asyncio.create_task(metrics.text())
    steps = 0
    while not writing.done():
        steps += 1
        await asyncio.sleep(0)

    assert await writing == generate_latest(metrics.registry)
    assert steps >= len(list(metrics.registry.collect()))


async def test_accounts_are_counted_when_asked():
    metrics = Metrics()
    accounts = [account(1, AccountState.ACTIVE)]
    metrics.watch_accounts(lambda: accounts)
    accounts.append(account(2, AccountState.PAUSED))

    counted = {state: metrics.registry.get_sample_value("midway_accounts", {"state": state}) for state in AccountState}

    assert {state for state, count in counted.items() if count} == {AccountState.ACTIVE, AccountState.PAUSED}
    assert metrics.registry.get_sample_value("midway_account_running", {"account": "2"}) == 2


async def test_the_page_is_what_prometheus_reads():
    metrics = Metrics()
    metrics.call_ended("/a/B", "OK", 0.02)

    async with serving_metrics(metrics, 0) as url, aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.content_type == "text/plain"
        assert 'midway_call_seconds_count{code="OK",method="/a/B"} 1.0' in await answer.text()


async def asked(url: str, method: str = "GET", **headers: str) -> tuple[aiohttp.ClientResponse, str]:
    async with aiohttp.ClientSession() as http, http.request(method, url, headers=headers) as answer:
        return answer, await answer.text()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:9464"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_learns_nothing(headers):
    async with serving_metrics(Metrics(), 0) as url:
        answer, said = await asked(url, **headers)

    assert (answer.status, answer.headers.get("Server")) == (403, None)
    assert "midway_call" not in said


@pytest.mark.parametrize(
    "headers",
    [{"Host": "localhost:9464"}, {"Host": "[::1]"}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}],
)
async def test_this_machine_may_ask(headers):
    async with serving_metrics(Metrics(), 0) as url:
        answer, _ = await asked(url, **headers)

    assert (answer.status, answer.headers.get("Server")) == (200, None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/metrics", 200), ("POST", "/metrics", 405), ("GET", "/", 404), ("GET", "/metrics/..", 404)],
)
async def test_there_is_one_page(method, path, status):
    async with serving_metrics(Metrics(), 0) as url:
        answer, _ = await asked(url.removesuffix("/metrics") + path, method)

    assert answer.status == status


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHost: 127.0"])
async def test_a_connection_that_asks_nothing_ends(said):
    async with serving_metrics(Metrics(), 0, idle_seconds=1) as url, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await opened(url)
        writer.write(said)

        assert await reader.read() == b""
        writer.close()


async def test_one_connection_too_many_is_closed_and_the_others_go_on():
    async with serving_metrics(Metrics(), 0, max_connections=2) as url, asyncio.timeout(PATIENCE_SECONDS):
        held = [await opened(url) for _ in range(2)]
        for streams in held:
            await ask(*streams)  # so the server has taken it
        reader, writer = await opened(url)

        assert await reader.read() == b""
        await ask(*held[0])
        for _, writing in (*held, (reader, writer)):
            writing.close()


async def opened(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(url.removesuffix("/metrics").rpartition(":")[2]))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
