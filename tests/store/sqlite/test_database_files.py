"""A database that was taken away or replaced takes no writes; what was answered is where it was answered."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from midway.domain.lifecycle import Dispatched
from midway.store.port import StoreUnavailable, WriteInDoubt
from midway.store.sqlite import SqliteStore
from structlog.testing import capture_logs

from tests.store.tasks import a_task, advance, submitted


def away(path: Path) -> Path:
    """Move a file out of its place; return where it is."""
    elsewhere = path.with_name(f"{path.name}.away")
    path.rename(elsewhere)
    return elsewhere


def copied(source: str | Path, folder: Path) -> Path:
    """Copy a database by another process, as an operator would; return the copy.

    A descriptor that this process closed would give up SQLite's locks.
    """
    folder.mkdir()
    subprocess.run((shutil.which("cp") or "cp", source, folder / "midway.db"), check=True)
    return folder / "midway.db"


def content_of(file: Path) -> bytes:
    return file.read_bytes()


def companion(database: Path, ending: str) -> Path:
    return database.with_name(database.name + ending)


async def test_in_its_place_it_is_said_to_be(sqlite: SqliteStore):
    await submitted(sqlite)

    assert (await sqlite.check_health()).is_available


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", ".lock"])
async def test_a_file_that_was_taken_away_stops_writes_until_it_is_back(
    sqlite: SqliteStore, database: Path, ending: str
):
    file = companion(database, ending)
    task = await submitted(sqlite)
    elsewhere = away(file)

    with pytest.raises(StoreUnavailable, match=f"nothing was stored: {file} was taken away or replaced"):
        await submitted(sqlite)
    assert not (await sqlite.check_health()).is_available
    assert await sqlite.get(task.id) == task

    elsewhere.rename(file)
    assert (await sqlite.check_health()).is_available
    assert (await submitted(sqlite)).revision == task.revision + 1


async def test_a_file_that_was_unlinked_stops_writes(sqlite: SqliteStore, database: Path):
    companion(database, "").unlink()

    with pytest.raises(StoreUnavailable):
        await submitted(sqlite)


async def test_what_was_refused_is_not_there_when_the_file_is_back(sqlite: SqliteStore, database: Path):
    refused = a_task()
    elsewhere = away(database)
    with pytest.raises(StoreUnavailable):
        await sqlite.submit(refused)

    elsewhere.rename(database)

    assert await sqlite.get(refused.id) is None
    assert await sqlite.revision() == 0


async def test_a_file_that_was_replaced_is_left_as_it_is(sqlite: SqliteStore, database: Path, tmp_path: Path):
    other = tmp_path / "other" / "midway.db"
    store = await SqliteStore.open(other)
    kept = await submitted(store)
    await store.close()
    content = content_of(other)
    for _ in range(10):
        await submitted(sqlite)

    other.replace(database)
    with pytest.raises(StoreUnavailable):
        await submitted(sqlite)
    await sqlite.close()

    assert content_of(database) == content
    reopened = await SqliteStore.open(database)  # with the log of the other one beside it, if there is one
    assert (await reopened.get(kept.id), await reopened.revision()) == (kept, 1)
    await reopened.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_the_log_says_where_what_was_stored_is(sqlite: SqliteStore, database: Path, tmp_path: Path):
    tasks = [await submitted(sqlite) for _ in range(10)]
    away(database).unlink()

    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await submitted(sqlite)
    [line] = lines
    rescued = copied(line["stored_in"], tmp_path / "rescued")

    assert (line["log_level"], line["files"]) == ("critical", [str(database)])
    reopened = await SqliteStore.open(rescued)
    assert await reopened.get_many([task.id for task in tasks]) == tasks
    await reopened.close()


async def test_what_the_log_file_held_is_in_the_database_when_the_log_file_is_gone(
    sqlite: SqliteStore, database: Path, tmp_path: Path
):
    """Without it, all that was not folded into the database yet would be gone with the process."""
    tasks = [await submitted(sqlite) for _ in range(10)]
    companion(database, "-wal").unlink()
    assert not (await sqlite.check_health()).is_available

    rescued = copied(database, tmp_path / "rescued")
    reopened = await SqliteStore.open(rescued)
    assert await reopened.get_many([task.id for task in tasks]) == tasks
    await reopened.close()


async def test_a_file_that_is_taken_away_during_a_commit_leaves_the_write_in_doubt(sqlite: SqliteStore, database: Path):
    """It is stored and may be lost with the file; if the file comes back, it is there, and all goes on."""
    task = a_task()
    connection = sqlite._writer._driver._connection._conn
    connection.set_trace_callback(lambda sql: away(database) if sql == "COMMIT" else None)
    with pytest.raises(WriteInDoubt):
        await sqlite.submit(task)
    connection.set_trace_callback(None)
    with pytest.raises(StoreUnavailable):
        await submitted(sqlite)

    database.with_name("midway.db.away").rename(database)

    stored = await sqlite.get(task.id)
    assert stored is not None
    assert (await advance(sqlite, stored, Dispatched())).revision == 2
    assert (await submitted(sqlite)).revision == 3
