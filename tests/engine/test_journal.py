"""Entries on their way to the Store: in order, again while the disk refuses, and durable before anybody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from midway.domain.account import AccountState
from midway.domain.ids import TaskId
from midway.domain.lifecycle import Accepted, Dispatched, Event, Noticed, apply
from midway.domain.task import State, Task
from midway.engine.worker import journal
from midway.engine.worker.journal import Journal
from midway.store.memory import MemoryStore
from midway.store.port import AccountMark, Entry, Store, StoreUnavailable, VersionConflict
from msgspec.structs import replace

from tests.faults.faulty_store import FULL, FaultyStore
from tests.support.processes import PATIENCE_SECONDS
from tests.support.writes import write
from tests.unit.making import ACCOUNT, NOW, a_task, an_attempt


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses is asked again without a pause."""
    monkeypatch.setattr(journal, "RETRY_SECONDS", (0.0,))


class Desk:
    """A journal that runs, the store below it, and what it said was lost."""

    def __init__(self) -> None:
        self.faulty, self.store = FaultyStore(), MemoryStore()
        self.lost: list[TaskId] = []
        self.journal = Journal(self.faulty.around(self.store), self._lost)

    def _lost(self, task_id: TaskId, _: Exception) -> None:
        self.lost.append(task_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the journal."""
        running = asyncio.create_task(self.journal.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def submitted(self, number: int = 1) -> Task:
        """Store a new Task."""
        return (await self.store.submit(a_task(number))).task

    def put(self, task: Task, *events: Event) -> Task:
        """Hand over a Task after each of these events; return it as it is then."""
        for event in events:
            task = replace(apply(task, event, NOW), version=task.version + 1)
            self.journal.put(Entry(task=task))
        return task

    async def state_of(self, task: Task) -> State:
        """Read a Task's state."""
        [stored] = await self.store.get_many([task.id])
        return stored.state


class Picky:
    """A store that cannot keep one Attempt, nor one mark."""

    BROKEN = an_attempt(99)
    BROKEN_MARK = AccountMark(ACCOUNT, AccountState.PAUSED, "look", NOW)

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def append(self, *entries: Entry) -> list[Task]:
        """Write entries, but for the broken ones."""
        if any(self.BROKEN in entry.attempts or entry.mark is self.BROKEN_MARK for entry in entries):
            raise TypeError("a defect")
        return await self._store.append(*entries)


@pytest.fixture
def desk() -> Desk:
    """A journal over a memory."""
    return Desk()


async def test_what_is_settled_is_stored(desk: Desk) -> None:
    task = await desk.submitted()
    async with desk.running():
        desk.put(task, Dispatched(), Accepted())
        await desk.journal.settled(task.id)

        assert await desk.state_of(task) is State.SUBMITTED
        assert [each.state for each in await desk.store.history(task.id, task.revision)] == [
            State.SUBMITTING,
            State.SUBMITTED,
        ]
        assert not desk.journal.waiting


async def test_nothing_to_wait_for_is_settled_at_once(desk: Desk) -> None:
    """Though nobody runs the journal."""
    assert desk.journal.settled(a_task().id).done()
    assert desk.journal.settled().done()


async def test_who_waits_for_one_task_does_not_wait_for_what_came_after_it(desk: Desk) -> None:
    first, second = await desk.submitted(1), await desk.submitted(2)
    async with desk.running():
        desk.put(first, Dispatched())
        settled = desk.journal.settled(first.id)
        hold = desk.faulty.hold_once("append", lambda *entries: any(e.task and e.task.id == second.id for e in entries))
        await settled
        desk.put(second, Dispatched())
        await hold.done()

        assert desk.journal.settled(first.id).done()
        assert not desk.journal.settled(second.id).done()
        hold.release()
        await desk.journal.settled()


async def test_a_disk_that_refuses_is_asked_again_in_order(desk: Desk) -> None:
    """What comes after must not be stored before."""
    task, other = await desk.submitted(1), await desk.submitted(2)
    async with desk.running():
        desk.faulty.refuse_once("append")
        changed = desk.put(task, Dispatched())
        patient = desk.journal.settled(task.id, patient=True)
        desk.put(other, Dispatched())
        desk.put(changed, Accepted())
        await patient
        await desk.journal.settled()

        assert await desk.state_of(task) is State.SUBMITTED
        assert await desk.state_of(other) is State.SUBMITTING
        assert not desk.lost


async def test_who_is_impatient_hears_that_the_disk_refuses_and_the_entry_stays(desk: Desk) -> None:
    task = await desk.submitted()
    async with desk.running():
        desk.faulty.refuse_once("append")
        desk.put(task, Dispatched())
        with pytest.raises(StoreUnavailable, match=str(FULL)):
            await desk.journal.settled(task.id)
        await desk.journal.settled(task.id)

        assert await desk.state_of(task) is State.SUBMITTING


async def test_a_batch_in_doubt_that_was_stored_is_not_lost(desk: Desk) -> None:
    """The database was taken away just after it had the batch."""
    task = await desk.submitted()
    async with desk.running():
        desk.faulty.doubt_once("append")
        desk.put(task, Dispatched(), Accepted())
        await desk.journal.settled(task.id, patient=True)

        assert await desk.state_of(task) is State.SUBMITTED
        assert not desk.lost


async def test_a_batch_whose_worker_ended_meanwhile_is_written_by_who_comes_next(desk: Desk) -> None:
    """The disk had it; its answer came to nobody."""
    task = await desk.submitted()
    async with desk.running():
        hold = desk.faulty.hold_once("append")
        changed = desk.put(task, Dispatched())
        settled = desk.journal.settled(task.id)
        await hold.done()
    desk.put(changed, Accepted())
    await desk.journal.flush()
    await settled

    assert await desk.state_of(task) is State.SUBMITTED
    assert not desk.lost


async def test_a_task_that_somebody_else_wrote_is_lost_and_the_others_are_stored(desk: Desk) -> None:
    """Another process owns it now: nothing that was decided here may count, least of all be sent."""
    task, other = await desk.submitted(1), await desk.submitted(2)
    await write(desk.store, apply(task, Noticed("by somebody else"), NOW))
    async with desk.running():
        desk.put(task, Dispatched(), Accepted())
        desk.put(other, Dispatched())
        settled = desk.journal.settled(task.id, patient=True)
        with pytest.raises(VersionConflict):
            await settled
        await desk.journal.settled()

        assert await desk.state_of(task) is State.QUEUED
        assert await desk.state_of(other) is State.SUBMITTING
        assert desk.lost == [task.id]
        assert not desk.journal.waiting


async def test_an_entry_that_cannot_be_stored_costs_itself_alone(desk: Desk) -> None:
    """A defect of ours, in the midst of a batch: the others must not wait for ever."""
    task, other = await desk.submitted(1), await desk.submitted(2)
    desk.journal = Journal(cast("Store", Picky(desk.store)), lambda task_id, _: desk.lost.append(task_id))
    async with desk.running():
        desk.put(task, Dispatched())
        desk.journal.put(Entry(attempts=(Picky.BROKEN,)))
        durable = desk.journal.settled(Picky.BROKEN.task_id, patient=True)
        desk.put(other, Dispatched())
        await desk.journal.settled()

        assert await desk.state_of(task) is State.SUBMITTING
        assert await desk.state_of(other) is State.SUBMITTING
        with pytest.raises(TypeError):
            await durable  # else what waits for it would be sent
        assert desk.lost == [Picky.BROKEN.task_id]


async def test_who_waits_for_an_accounts_mark_hears_that_it_cannot_be_stored(desk: Desk) -> None:
    desk.journal = Journal(cast("Store", Picky(desk.store)), lambda task_id, _: desk.lost.append(task_id))
    async with desk.running():
        desk.journal.put(Entry(mark=Picky.BROKEN_MARK))
        with pytest.raises(TypeError):
            await desk.journal.settled()

        assert not desk.lost
        assert not desk.journal.waiting


async def test_what_comes_within_a_tick_is_written_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "TICK_SECONDS", 3600.0)
    tasks = [await desk.submitted(number) for number in range(3)]
    async with desk.running():
        batches: list[int] = []

        def is_seen(*entries: Entry) -> bool:
            batches.append(len(entries))
            return True

        hold = desk.faulty.hold_once("append", is_seen)
        for task in tasks:
            desk.put(task, Dispatched())
            await asyncio.sleep(0)  # time enough to begin a write
        durable = desk.journal.settled()
        await hold.done()
        hold.release()
        await durable

        assert batches == [len(tasks)]


async def test_all_accounts_have_their_tick_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their entries share a commit then."""
    monkeypatch.setattr(journal, "TICK_SECONDS", 3600.0)
    ticks: list[float] = []
    for number in range(2):
        desk = Desk()
        desk.put(await desk.submitted(number), Dispatched())
        assert desk.journal._tick is not None
        ticks.append(desk.journal._tick.when())
        desk.journal._tick.cancel()

    assert ticks[0] == ticks[1]


async def test_an_account_with_few_entries_does_not_gather_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher waited 30 ms for each step of a picture that was drawn alone."""
    monkeypatch.setattr(journal, "TICK_SECONDS", 3600.0)
    desk, loop = Desk(), asyncio.get_running_loop()
    begun, ticks = loop.time(), list[float]()
    for number in range(journal.FEW + 1):
        desk.put(await desk.submitted(number), Dispatched())
        assert desk.journal._tick is not None
        ticks.append(desk.journal._tick.when())
        desk.journal._tick.cancel()
        desk.journal._tick = None

    assert all(tick - begun <= 2 * journal.TICK_SECONDS / journal.SHORTER for tick in ticks[:-1])
    assert not ticks[-1] % journal.TICK_SECONDS  # those were not few any more


async def test_what_was_learnt_of_an_attempt_is_waited_for_like_its_task(desk: Desk) -> None:
    """The answer to a window whose Task is drawn already changes no Task; it left before its Attempt was stored."""
    attempt = an_attempt()
    async with desk.running():
        desk.journal.put(Entry(attempts=(attempt,)))
        durable = desk.journal.settled(attempt.task_id, patient=True)
        assert not durable.done()
        await durable

        assert await desk.store.attempts(attempt.task_id) == [attempt]


async def test_of_a_task_that_is_lost_nothing_is_stored_of_its_attempts_either(desk: Desk) -> None:
    task = await desk.submitted()
    attempt, other = an_attempt(), an_attempt(2)
    async with desk.running():
        desk.journal.put(Entry(task=replace(task, version=7), attempts=(attempt,)))
        desk.journal.put(Entry(attempts=(replace(attempt, accepted_at=NOW), other)))
        await desk.journal.settled()

        assert await desk.store.attempts(task.id) == []
        assert await desk.store.attempts(other.task_id) == [other]


async def test_who_was_told_that_the_disk_refuses_is_not_kept(desk: Desk) -> None:
    task = await desk.submitted()
    async with desk.running():
        mend = desk.faulty.refuse("append")
        desk.put(task, Dispatched())
        for _ in range(100):
            with pytest.raises(StoreUnavailable):
                await desk.journal.settled(task.id)
        kept = len(desk.journal._waiters)
        mend()
        await desk.journal.settled(patient=True)

        assert kept == 0
