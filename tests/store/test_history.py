"""What every Store promises about snapshots after a revision."""

from midway.domain.ids import Revision
from midway.domain.lifecycle import Dispatched, Progressed
from midway.domain.task import State
from midway.store.port import Store

from tests.store.tasks import LEARN_SEED, SUCCEED, advance, in_progress, submitted


async def states_and_progress(store: Store, after: int = 0) -> list[tuple[str, int]]:
    return [(task.state.value, task.progress) for task in await store.changes(Revision(after))]


async def test_history_holds_every_change_of_state_in_order(store: Store):
    task = await advance(store, await in_progress(store), SUCCEED)

    history = await store.history(task.id, Revision(0))

    assert [snapshot.state.value for snapshot in history] == [
        "QUEUED",
        "SUBMITTING",
        "SUBMITTED",
        "IN_PROGRESS",
        "SUCCEEDED",
    ]
    assert [snapshot.revision for snapshot in history] == [1, 2, 3, 4, 5]


async def test_history_ends_with_the_present_progress(store: Store):
    task = await advance(store, await in_progress(store), Progressed(20), Progressed(30))

    history = await store.history(task.id, Revision(3))

    assert [(snapshot.progress, snapshot.revision) for snapshot in history] == [(10, 4), (30, 6)]
    assert history[-1] == task


async def test_progress_between_two_states_is_not_kept(store: Store):
    task = await advance(store, await in_progress(store), Progressed(20), Progressed(30), SUCCEED)

    history = await store.history(task.id, Revision(3))

    assert [(snapshot.state, snapshot.progress) for snapshot in history] == [
        (State.IN_PROGRESS, 10),
        (State.SUCCEEDED, 100),
    ]


async def test_history_after_the_present_is_empty(store: Store):
    task = await in_progress(store)

    assert await store.history(task.id, task.revision) == []


async def test_history_is_of_one_task(store: Store):
    one, other = await submitted(store), await submitted(store)

    assert await store.history(other.id, Revision(0)) == [other]
    assert await store.history(one.id, Revision(0)) == [one]


async def test_what_was_learnt_after_the_end_is_the_present(store: Store):
    ended = await advance(store, await in_progress(store), SUCCEED)
    with_seed = await advance(store, ended, LEARN_SEED)

    assert await store.history(ended.id, Revision(4)) == [ended, with_seed]


async def test_changes_hold_the_history_of_all_tasks_in_order_of_revision(store: Store):
    one, other = await submitted(store), await submitted(store)
    one = await advance(store, one, Dispatched())
    other = await advance(store, other, Dispatched())

    changes = await store.changes(Revision(0))

    assert [(task.id, task.revision) for task in changes] == [(one.id, 1), (other.id, 2), (one.id, 3), (other.id, 4)]


async def test_changes_hold_the_present_progress_only(store: Store):
    await advance(store, await in_progress(store), Progressed(20), Progressed(30))

    assert await states_and_progress(store, after=3) == [("IN_PROGRESS", 10), ("IN_PROGRESS", 30)]


async def test_changes_come_in_pages_that_join(store: Store):
    for _ in range(3):
        await in_progress(store)
    cursor, pages = Revision(0), []

    while page := await store.changes(cursor, limit=5):
        pages.append(page)
        cursor = page[-1].revision

    assert [len(page) for page in pages] == [5, 5, 2]
    assert [task.revision for page in pages for task in page] == list(range(1, 13))
