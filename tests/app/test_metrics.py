"""Numbers for Prometheus."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
from midway.app.metrics import Metrics, serving_metrics
from midway.domain.account import Account, AccountState
from midway.domain.action import Action
from midway.domain.ids import AccountId, ChannelId, Revision, TaskId
from midway.domain.lifecycle import Accepted, Dispatched, Progressed, Requeued
from midway.domain.task import Ask, State, Task
from midway.store.memory import MemoryStore
from midway.store.watch import Watch

from tests.store.tasks import advance, submitted

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


async def first(count: int, updates: AsyncIterator[Task]) -> AsyncIterator[Task]:
    for _ in range(count):
        yield await anext(updates)


def changes(state: State) -> dict[str, str]:
    return {"action": "IMAGINE", "state": state.value}


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
