"""How SQLite reads: Tasks that are asked for at the same time come by one statement, to each who asked."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.store.port import StoreUnavailable
from midway.store.sqlite import SqliteStore, reads
from midway.store.sqlite.reader import MAX_BATCH
from msgspec import ValidationError

from tests.store.tasks import submitted

NOBODY = TaskId("9999999999999999")


@pytest.fixture
async def old(database: Path) -> AsyncIterator[SqliteStore]:
    """A store whose Tasks are all on the disk, none in memory."""
    store = await SqliteStore.open(database, tail_size=0)
    yield store
    await store.close()


@pytest.fixture
def statements(old: SqliteStore) -> list[str]:
    """Collect what the reader asks from now on."""
    seen: list[str] = []
    old._reader._driver._connection._conn.set_trace_callback(seen.append)
    return seen


async def stored(store: SqliteStore, count: int) -> list[Task]:
    return [await submitted(store) for _ in range(count)]


async def test_tasks_asked_for_at_the_same_time_come_by_one_statement(old: SqliteStore, statements: list[str]):
    tasks = await stored(old, MAX_BATCH)

    found = await asyncio.gather(*(old.get(task.id) for task in tasks))

    assert found == tasks
    assert len(statements) == 1


async def test_more_than_a_batch_come_by_several(old: SqliteStore, statements: list[str]):
    tasks = await stored(old, MAX_BATCH + 1)

    assert await asyncio.gather(*(old.get(task.id) for task in tasks)) == tasks
    assert len(statements) == 2


async def test_each_gets_its_own_whoever_else_asks(old: SqliteStore):
    one, other = await stored(old, 2)
    asked = [one.id, NOBODY, other.id, one.id]

    *found, known, many = await asyncio.gather(
        *map(old.get, asked), old.revision(), old.get_many([other.id, NOBODY, one.id])
    )

    assert found == [one, None, other, one]
    assert (known, many) == (other.revision, [other, one])


async def test_one_who_leaves_takes_nothing_from_the_others(old: SqliteStore):
    one, other = await stored(old, 2)
    leaving, staying, same = (asyncio.ensure_future(old.get(task.id)) for task in (one, other, one))
    await asyncio.sleep(0)

    leaving.cancel()

    assert [await staying, await same] == [other, one]


async def test_a_document_that_cannot_be_read_costs_nobody_else(old: SqliteStore):
    broken, sound = await stored(old, 2)
    await old._writer.write(
        lambda batch: batch.connection.execute("UPDATE task SET doc = '{}' WHERE id = ?", [broken.id])
    )

    outcome, found = await asyncio.gather(old.get(broken.id), old.get(sound.id), return_exceptions=True)

    assert isinstance(outcome, ValidationError)
    assert found == sound


async def test_a_disk_that_refuses_is_told_to_each(old: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    tasks = await stored(old, 2)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(reads, "get_many", refuse)
    outcomes = await asyncio.gather(*(old.get(task.id) for task in tasks), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes if isinstance(outcome, StoreUnavailable)] == [
        "cannot read: disk I/O error"
    ] * 2
