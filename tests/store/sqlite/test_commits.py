"""How SQLite writes: shared commits, writes that a cancelled caller cannot tear, a disk that refuses."""

import asyncio
import threading
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from midway.domain.ids import Revision
from midway.domain.image import InputImage
from midway.domain.lifecycle import Accepted, Dispatched, Event, Progressed, apply
from midway.store.port import Entry, StoreUnavailable, Submitted, VersionConflict
from midway.store.sqlite import SqliteStore, reads
from midway.store.sqlite.batch import Batch
from midway.store.sqlite.writer import MAX_BATCH
from msgspec.structs import replace

from tests.store.tasks import START, a_task, advance, an_attempt, in_progress, submitted
from tests.support.processes import PATIENCE_SECONDS
from tests.support.writes import write

BIG_PICTURE = InputImage(b"x" * 10_000_000, "image/png", 1, 1)


@pytest.fixture
def commits(sqlite: SqliteStore) -> list[str]:
    """Collect the COMMITs that the writer runs from now on."""
    seen: list[str] = []
    sqlite._writer._driver._connection._conn.set_trace_callback(
        lambda sql: seen.append(sql) if sql == "COMMIT" else None
    )
    return seen


async def test_submits_at_the_same_time_share_one_commit(sqlite: SqliteStore, commits: list[str]):
    await asyncio.gather(*(submitted(sqlite) for _ in range(MAX_BATCH)))

    assert len(commits) == 1


async def test_no_read_is_ahead_of_the_newest_revision(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """What is committed can be read before the memory has it; a watch that resumed after it was refused."""
    monkeypatch.setattr(sqlite._writer, "_committed", lambda _: None)
    task = await submitted(sqlite)

    seen = await sqlite.get(task.id)

    assert seen is not None
    assert seen.revision <= await sqlite.revision()


async def test_a_batch_has_an_end(sqlite: SqliteStore, commits: list[str]):
    await asyncio.gather(*(submitted(sqlite) for _ in range(MAX_BATCH + 1)))

    assert len(commits) == 2


async def test_a_lone_write_commits_at_once(sqlite: SqliteStore, commits: list[str]):
    await submitted(sqlite)
    await submitted(sqlite)

    assert len(commits) == 2


async def test_what_comes_a_turn_later_shares_the_commit(sqlite: SqliteStore, commits: list[str]):
    first = asyncio.ensure_future(submitted(sqlite))
    await asyncio.sleep(0)

    await asyncio.gather(first, submitted(sqlite))

    assert len(commits) == 1


async def test_what_comes_during_a_commit_shares_the_next_one(sqlite: SqliteStore, commits: list[str]):
    has_begun, may_end = threading.Event(), threading.Event()

    def slow(_batch: Batch) -> None:
        has_begun.set()
        may_end.wait(PATIENCE_SECONDS)

    first = asyncio.ensure_future(sqlite._writer.write(slow))
    assert await asyncio.to_thread(has_begun.wait, PATIENCE_SECONDS)
    others = asyncio.gather(*(submitted(sqlite) for _ in range(20)))
    may_end.set()
    await asyncio.gather(first, others)

    assert len(commits) == 2


async def test_writes_of_one_task_in_one_commit_see_each_other(sqlite: SqliteStore, commits: list[str]):
    task = a_task()

    made, again, missing = await asyncio.gather(
        sqlite.submit(task),
        sqlite.submit(task),
        write(sqlite, replace(apply(task, Dispatched(), START), version=7)),
        return_exceptions=True,
    )

    assert isinstance(made, Submitted)
    assert [type(each) for each in (again, missing)] == [VersionConflict, VersionConflict]
    assert await sqlite.get(task.id) == made.task
    assert len(commits) == 1


@pytest.mark.parametrize("learnt_first", [True, False])
async def test_the_last_word_about_an_attempt_counts_within_one_commit(sqlite: SqliteStore, learnt_first: bool):
    task = await submitted(sqlite)
    sent, accepted = an_attempt(task), an_attempt(task, accepted_at=START)
    put = sqlite.append(Entry(attempts=(accepted,)))
    append = write(sqlite, apply(task, Dispatched(), START), attempts=(sent,))

    await asyncio.gather(*((put, append) if learnt_first else (append, put)))

    assert await sqlite.attempts(task.id) == [sent if learnt_first else accepted]


async def test_one_task_goes_through_many_states_in_one_commit(sqlite: SqliteStore, commits: list[str]):
    """The row that there is in the end is written once; of the way there, the history keeps the changes of state."""
    task = seen = a_task()
    attempt = an_attempt(task)
    events: list[Event] = [Dispatched(), Accepted(), Progressed(10), Progressed(20), Progressed(30)]
    writes: list[Awaitable[object]] = [sqlite.submit(task)]
    for number, event in enumerate(events, start=1):
        seen = replace(apply(seen, event, START), version=number)
        attempt = replace(attempt, accepted_at=START + timedelta(seconds=number))
        writes.append(sqlite.append(Entry(task=seen, attempts=(attempt,))))

    await asyncio.gather(*writes)

    assert len(commits) == 1
    stored = [await sqlite._reader.read(partial(ask, task_id=task.id)) for ask in (reads.get, reads.attempts)]
    assert stored == [replace(seen, revision=Revision(6)), [attempt]]
    found = await sqlite._reader.read(partial(reads.history, task_id=task.id, after=Revision(0)))
    assert [each.revision for each in found] == [1, 2, 3, 4, 6]


async def test_progress_and_what_is_learnt_touch_no_index_of_what_stays(sqlite: SqliteStore, database: Path):
    task = await in_progress(sqlite)
    await sqlite.append(Entry(attempts=(an_attempt(task),)))
    pages = []
    for number in range(3):
        before = written(database)
        task = await advance(sqlite, task, Progressed(20 + number))
        await sqlite.append(Entry(attempts=(an_attempt(task, accepted_at=START + timedelta(seconds=number)),)))
        pages.append(written(database) - before)

    assert pages == [3, 3, 3]  # the Task, its revision's index, the Attempt


def written(database: Path) -> int:
    """Tell how many pages the log holds; it only grows until it is 1000."""
    return database.with_name(f"{database.name}-wal").stat().st_size // 4096


async def test_a_commit_is_on_the_disk_when_it_returns(sqlite: SqliteStore):
    [level] = sqlite._writer._driver._connection._conn.execute("PRAGMA synchronous").fetchone()

    assert level == 2  # FULL


async def test_the_reader_cannot_write(sqlite: SqliteStore):
    with pytest.raises(StoreUnavailable, match="readonly"):
        await sqlite._reader.read(lambda connection: connection.execute("DELETE FROM task"))


async def test_a_cancelled_submit_is_stored_whole(sqlite: SqliteStore):
    task = a_task(prompt="cancelled")
    submit = asyncio.ensure_future(sqlite.submit(task, inputs=[BIG_PICTURE]))
    await asyncio.wait([submit], timeout=0)  # it has begun and is not done
    submit.cancel()

    await submitted(sqlite)  # comes after it in the queue

    assert submit.cancelled()
    assert await sqlite.get(task.id)
    assert await sqlite.inputs(task.id) == [BIG_PICTURE]


async def test_an_operation_with_a_defect_fails_alone(sqlite: SqliteStore):
    broken = a_task(prompt="\ud800")  # no UTF-8 for it

    outcomes = await asyncio.gather(
        submitted(sqlite), submitted(sqlite, broken), submitted(sqlite), return_exceptions=True
    )

    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert not isinstance(outcomes[1], StoreUnavailable)
    assert await sqlite.revision() == 2


@pytest.fixture
def full_disk(sqlite: SqliteStore) -> SqliteStore:
    """Let the database grow no further than a few pages, as a full disk would."""
    [pages] = sqlite._writer._driver._connection._conn.execute("PRAGMA page_count").fetchone()
    sqlite._writer._driver._connection._conn.execute(f"PRAGMA max_page_count = {pages + 20}")
    return sqlite


async def test_a_full_disk_is_told_and_nothing_is_stored(full_disk: SqliteStore):
    task = a_task()

    with pytest.raises(StoreUnavailable, match="full"):
        await full_disk.submit(task, inputs=[BIG_PICTURE])

    assert await full_disk.get(task.id) is None
    assert await full_disk.inputs(task.id) == []
    assert await full_disk.revision() == 0


async def test_after_a_full_disk_what_fits_is_stored(full_disk: SqliteStore):
    with pytest.raises(StoreUnavailable):
        await full_disk.submit(a_task(), inputs=[BIG_PICTURE])

    task = await submitted(full_disk)

    assert await full_disk.history(task.id, Revision(0)) == [task]


async def test_a_closed_store_refuses(sqlite: SqliteStore):
    task = await submitted(sqlite)
    await sqlite.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await sqlite.get(task.id)
    with pytest.raises(StoreUnavailable, match="closed"):
        await advance(sqlite, task, Dispatched())
