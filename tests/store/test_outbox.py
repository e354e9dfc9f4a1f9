"""What every Store promises about webhook notices."""

from dataclasses import replace

import pytest
from midway.domain.ids import Revision
from midway.domain.lifecycle import Accepted, Dispatched
from midway.domain.task import Task
from midway.store.port import RevisionConflict, Store

from tests.store.tasks import START, a_task, advance, seconds, submitted

URL = "https://hook.invalid/done"
LATER = START + seconds(60)


def an_asking_task() -> Task:
    return a_task(notify_url=URL)


async def test_a_change_with_notify_leaves_a_notice_of_the_task_as_it_was(store: Store):
    changed = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)
    await advance(store, changed, Accepted())

    [row] = await store.outbox_due(LATER)

    assert (row.task, row.url, row.tries, row.due_at) == (changed, URL, 0, changed.updated_at)


async def test_a_task_without_address_leaves_no_notice(store: Store):
    await advance(store, await submitted(store), Dispatched(), notify=True)

    assert await store.outbox_due(LATER) == []


async def test_a_change_without_notify_leaves_no_notice(store: Store):
    await advance(store, await submitted(store, an_asking_task()), Dispatched())

    assert await store.outbox_due(LATER) == []


async def test_a_refused_change_leaves_no_notice(store: Store):
    task = await submitted(store, an_asking_task())

    with pytest.raises(RevisionConflict):
        await store.append(task, expected_revision=Revision(99), notify=True)

    assert await store.outbox_due(LATER) == []


async def test_later_notices_of_a_task_wait_for_the_first(store: Store):
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)

    [first] = await store.outbox_due(LATER)
    await store.outbox_delivered(first.sequence)
    [second] = await store.outbox_due(LATER)

    assert [first.task.state.value, second.task.state.value] == ["SUBMITTING", "SUBMITTED"]
    assert second.task == task


async def test_a_failed_try_holds_back_the_tasks_other_notices_too(store: Store):
    await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)
    [first] = await store.outbox_due(LATER)

    await store.outbox_retry(first.sequence, LATER + seconds(30))

    assert await store.outbox_due(LATER) == []
    assert await store.outbox_due(LATER + seconds(30)) == [
        replace(first, tries=1, due_at=LATER + seconds(30)),
    ]


async def test_notices_of_different_tasks_do_not_wait_for_each_other(store: Store):
    tasks = [await submitted(store, an_asking_task()) for _ in range(3)]
    for task in tasks:
        await advance(store, task, Dispatched(), notify=True)

    due = await store.outbox_due(LATER)

    assert [row.task.id for row in due] == [task.id for task in tasks]


async def test_notices_are_due_from_their_time_on(store: Store):
    changed = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)

    assert await store.outbox_due(changed.updated_at - seconds(1)) == []
    assert len(await store.outbox_due(changed.updated_at)) == 1


async def test_no_more_than_the_limit_come_at_once(store: Store):
    for _ in range(3):
        await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)

    assert len(await store.outbox_due(LATER, limit=2)) == 2


async def test_a_notice_that_is_gone_is_no_error(store: Store):
    await store.outbox_delivered(7)
    await store.outbox_retry(7, LATER)

    assert await store.outbox_due(LATER) == []
