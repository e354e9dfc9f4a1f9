"""Streams of changes: what a reader gets, when it ends, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from midway.domain.ids import Revision
from midway.domain.lifecycle import Accepted, Dispatched, Progressed
from midway.domain.task import State, Task
from midway.store.memory import MemoryStore
from midway.store.port import Store, StoreUnavailable
from midway.store.watch import UnknownTask, Watch, WatchClosed

from tests.store.readers import ObservedWatch, begin_waiting, give_up
from tests.store.tasks import LEARN_SEED, SUCCEED, a_task, advance, in_progress, submitted

HEARTBEAT = timedelta(milliseconds=1)


@pytest.fixture
async def watch(store: Store) -> AsyncIterator[ObservedWatch]:
    """Open the hub over the store."""
    async with ObservedWatch(store) as hub:
        yield hub


async def all_of(stream: AsyncIterator[Task]) -> list[Task]:
    return [task async for task in stream]


async def take(stream: AsyncIterator[Task], count: int) -> list[Task]:
    return [await anext(stream) for _ in range(count)]


async def test_a_new_watch_begins_with_the_present(store: Store, watch: ObservedWatch):
    task = await in_progress(store)

    assert await anext(watch.watch(task.id)) == task


async def test_a_watch_gives_every_later_change_of_state_and_ends_with_the_last(store: Store, watch: ObservedWatch):
    task = await submitted(store)
    stream = watch.watch(task.id)
    await anext(stream)
    await advance(store, task, Dispatched(), Accepted(), SUCCEED)

    assert [snapshot.state for snapshot in await all_of(stream)] == [State.SUBMITTING, State.SUBMITTED, State.SUCCEEDED]


async def test_a_change_wakes_a_reader_who_waits(store: Store, watch: ObservedWatch):
    task = await in_progress(store)
    stream = watch.watch(task.id, task.revision)
    reading = await begin_waiting(watch, stream)

    changed = await advance(store, task, Progressed(50))

    assert await reading == changed


async def test_progress_that_a_slow_reader_missed_comes_as_the_latest(store: Store, watch: ObservedWatch):
    task = await in_progress(store)
    stream = watch.watch(task.id)
    await anext(stream)
    await advance(store, task, *(Progressed(percent) for percent in range(11, 90)))

    assert (await anext(stream)).progress == 89


async def test_a_resumed_watch_goes_on_after_the_revision_named(store: Store, watch: ObservedWatch):
    task = await advance(store, await in_progress(store), SUCCEED)

    assert [snapshot.revision for snapshot in await all_of(watch.watch(task.id, Revision(2)))] == [3, 4, 5]


async def test_a_watch_of_an_ended_task_gives_it_and_ends(store: Store, watch: ObservedWatch):
    task = await advance(store, await in_progress(store), SUCCEED)

    assert await all_of(watch.watch(task.id)) == [task]


async def test_a_watch_that_has_seen_the_end_ends_at_once(store: Store, watch: ObservedWatch):
    task = await advance(store, await in_progress(store), SUCCEED)

    assert await all_of(watch.watch(task.id, task.revision)) == []


async def test_a_watch_that_has_seen_the_end_gets_what_was_learnt_since(store: Store, watch: ObservedWatch):
    ended = await advance(store, await in_progress(store), SUCCEED)
    with_seed = await advance(store, ended, LEARN_SEED)

    assert await all_of(watch.watch(ended.id, ended.revision)) == [with_seed]


async def test_an_unknown_task_cannot_be_watched(watch: ObservedWatch):
    with pytest.raises(UnknownTask):
        await anext(watch.watch(a_task().id))


async def test_an_exhausted_stream_stays_exhausted(store: Store, watch: ObservedWatch):
    stream = watch.watch((await advance(store, await in_progress(store), SUCCEED)).id)
    await all_of(stream)

    assert await all_of(stream) == []


async def test_a_read_that_was_cancelled_loses_nothing(store: Store, watch: ObservedWatch):
    task = await in_progress(store)
    stream = watch.watch(task.id, task.revision)
    reading = await begin_waiting(watch, stream)
    await give_up(reading)

    changed = await advance(store, task, Progressed(50))

    assert await anext(stream) == changed


async def test_a_wake_up_that_was_lost_is_made_good_at_the_next_heartbeat(
    store: Store, watch: ObservedWatch, monkeypatch: pytest.MonkeyPatch
):
    """On a quiet server no other change would ever lead the stream to look again."""
    task = await in_progress(store)
    stream = watch.watch(task.id, task.revision)
    monkeypatch.setattr(watch, "_wake", lambda *_: None)
    quiet = await stream.next(HEARTBEAT)

    changed = await advance(store, task, Progressed(50))

    assert (quiet, await stream.next(HEARTBEAT)) == (None, changed)


async def test_a_cancelled_reader_leaves_nothing_behind(store: Store, watch: ObservedWatch):
    task = await in_progress(store)
    reading = await begin_waiting(watch, watch.watch(task.id, task.revision))

    await give_up(reading)

    assert watch._waiters == {}


async def test_a_cancelled_reader_of_all_tasks_leaves_nothing_behind(store: Store, watch: ObservedWatch):
    await submitted(store)
    reading = await begin_waiting(watch, watch.watch_all(await store.revision()))

    await give_up(reading)

    assert watch._waiters == {}


async def test_a_slow_reader_does_not_hold_up_another(store: Store, watch: ObservedWatch):
    task = await submitted(store)
    slow, quick = watch.watch(task.id), watch.watch(task.id)
    await anext(slow)

    for event in (Dispatched(), Accepted(), Progressed(5)):
        await take(quick, 1)
        task = await advance(store, task, event)

    assert await anext(quick) == task
    assert [snapshot.revision for snapshot in await take(slow, 3)] == [2, 3, 4]


async def test_the_stream_knows_the_revision_to_resume_after(store: Store, watch: ObservedWatch):
    task = await in_progress(store)
    stream = watch.watch(task.id, Revision(1))

    await take(stream, 2)
    before_the_last = stream.revision
    await take(stream, 1)

    assert (before_the_last, stream.revision) == (3, 4)


async def test_a_closed_hub_ends_its_streams_resumably(store: Store):
    task = await in_progress(store)
    async with ObservedWatch(store) as hub:
        stream = hub.watch(task.id, task.revision)
        reading = await begin_waiting(hub, stream)

    with pytest.raises(WatchClosed):
        await reading
    assert stream.revision == task.revision


async def test_a_hub_that_is_not_open_refuses_to_wait(store: Store):
    task = await in_progress(store)

    with pytest.raises(WatchClosed):
        await anext(Watch(store).watch(task.id, task.revision))


async def test_one_change_is_read_once_however_many_wait_for_other_tasks(store: Store, watch: ObservedWatch):
    quiet = [await in_progress(store) for _ in range(20)]
    readings = [await begin_waiting(watch, watch.watch(task.id, task.revision)) for task in quiet]
    asked = count_reads(store)

    busy = await in_progress(store)
    await anext(watch.watch(busy.id))
    await anext(watch.watch_all(Revision(busy.revision - 1)))

    assert asked["history"] == 0
    await give_up(*readings)


def count_reads(store: Store) -> dict[str, int]:
    """Count the store's history reads from now on."""
    counts, ask = {"history": 0}, store.history

    async def counted(*args):
        counts["history"] += 1
        return await ask(*args)

    store.history = counted  # type: ignore[method-assign]  # the test counts the calls
    return counts


async def test_watching_all_gives_the_changes_of_every_task_in_order_of_revision(store: Store, watch: ObservedWatch):
    first, second = await submitted(store), await submitted(store)
    dispatched = await advance(store, first, Dispatched())

    assert await take(watch.watch_all(Revision(0)), 3) == [first, second, dispatched]


async def test_watching_all_goes_on_with_every_change(store: Store, watch: ObservedWatch):
    stream = watch.watch_all(Revision(0))
    one = await submitted(store)
    await anext(stream)
    other = await submitted(store)
    one = await advance(store, one, Dispatched())

    assert await take(stream, 2) == [other, one]


async def test_watching_all_resumes_after_a_revision(store: Store, watch: ObservedWatch):
    await advance(store, await in_progress(store), SUCCEED)
    await in_progress(store)

    assert [task.revision for task in await take(watch.watch_all(Revision(3)), 6)] == [4, 5, 6, 7, 8, 9]


async def test_watching_all_skips_what_is_not_wanted(store: Store, watch: ObservedWatch):
    stream = watch.watch_all(Revision(0), lambda task: task.ask.client_state == "mine")
    await submitted(store)
    mine = await submitted(store, a_task(client_state="mine"))
    await submitted(store)

    assert await anext(stream) == mine


async def test_what_was_not_wanted_is_not_read_again_after_a_resume(store: Store, watch: ObservedWatch):
    mine = await submitted(store, a_task(client_state="mine"))
    last = await submitted(store)
    stream = watch.watch_all(Revision(mine.revision - 1), lambda task: task.id == mine.id)

    await anext(stream)

    assert stream.revision == last.revision


async def told_by_the_hub(store: Store, watch: ObservedWatch) -> Task:
    """Store a Task that somebody is told of who waited for it."""
    reading = await begin_waiting(watch, watch.watch_all(await store.revision()))
    await submitted(store)
    return await reading


async def test_a_stream_that_waits_goes_on_behind_what_it_does_not_want(store: Store, watch: ObservedWatch):
    """Else it would read all of it later, from the disk when it is much."""
    stream = watch.watch_all(await store.revision(), is_mine)
    reading = await begin_waiting(watch, stream)

    unwanted = [await told_by_the_hub(store, watch) for _ in range(3)]

    assert stream.revision == unwanted[-1].revision
    mine = await submitted(store, a_task(client_state="mine"))
    assert await reading == mine


def is_mine(task: Task) -> bool:
    return task.ask.client_state == "mine"


async def test_a_defect_in_what_a_reader_wants_is_that_readers_alone(store: Store, watch: ObservedWatch):
    def broken(_: Task) -> bool:
        raise ZeroDivisionError

    reading = await begin_waiting(watch, watch.watch_all(await store.revision(), broken))
    other = await begin_waiting(watch, watch.watch_all(await store.revision()))

    task = await submitted(store)

    with pytest.raises(ZeroDivisionError):
        await reading
    assert await other == task


class DeafStore(MemoryStore):
    """A store whose doorbell never rings, as when the connection that listens was lost."""

    @asynccontextmanager
    async def doorbell(self):
        yield NeverRings()


class NeverRings:
    async def wait(self) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_lost_ring_delays_a_change_and_does_not_lose_it():
    store = DeafStore()
    task = await in_progress(store)
    async with ObservedWatch(store, lost_ring=timedelta(milliseconds=1)) as hub:
        reading = await begin_waiting(hub, hub.watch(task.id, task.revision))
        changed = await advance(store, task, Progressed(50))

        assert await reading == changed


class SickStore(MemoryStore):
    """A store that stops answering once it is told to."""

    sick = False

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        return await super().changes(self._well(after), limit)

    async def history(self, task_id, after: Revision) -> list[Task]:
        return await super().history(task_id, self._well(after))

    def _well(self, after: Revision) -> Revision:
        if self.sick:
            raise StoreUnavailable
        return after


async def test_a_store_that_fails_is_told_to_the_reader_and_the_hub_goes_on():
    store = SickStore()
    task = await in_progress(store)
    async with ObservedWatch(store) as hub:
        stream = hub.watch(task.id, task.revision)
        reading = await begin_waiting(hub, stream)
        store.sick = True
        changed = await advance(store, task, Progressed(50))
        with pytest.raises(StoreUnavailable):
            await reading
        store.sick = False

        assert await anext(stream) == changed
