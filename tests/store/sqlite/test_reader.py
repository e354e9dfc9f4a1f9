"""How SQLite reads: Tasks that are asked for at the same time come by one statement, to each who asked."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.store.port import StoreUnavailable, TaskQuery
from midway.store.sqlite import SqliteStore, reads
from midway.store.sqlite.reader import MAX_BATCH
from msgspec import ValidationError

from tests.store.tasks import submitted

NOBODY = TaskId("9999999999999999")


@pytest.fixture
async def old(database: Path) -> AsyncIterator[SqliteStore]:
    """A store whose Tasks are all on the disk, none in memory."""
    store = await SqliteStore.open(database, recent_snapshots=0)
    yield store
    await store.close()


@pytest.fixture
def statements(old: SqliteStore) -> list[str]:
    """Collect what the reader asks from now on."""
    seen: list[str] = []
    old._reader._driver._connection._conn.set_trace_callback(seen.append)
    return seen


async def break_document(store: SqliteStore, sql: str, task_id: TaskId) -> None:
    await store._writer.write(lambda batch: batch.connection.execute(sql, [task_id]))


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


async def test_an_id_that_no_task_can_have_finds_none(old: SqliteStore):
    one, other = await stored(old, 2)
    odd = TaskId(f"{one.id}\0x")

    assert await asyncio.gather(*map(old.get, [odd, other.id])) == [None, other]
    assert await old.get_many([odd, other.id]) == [other]


async def test_one_who_leaves_takes_nothing_from_the_others(old: SqliteStore):
    one, other = await stored(old, 2)
    leaving, staying, same = (asyncio.ensure_future(old.get(task.id)) for task in (one, other, one))
    await asyncio.sleep(0)

    leaving.cancel()

    assert [await staying, await same] == [other, one]


@pytest.mark.parametrize("document", ["'{}'", "CAST(x'ff' AS TEXT)"])
async def test_a_document_that_cannot_be_read_costs_nobody_else(old: SqliteStore, document: str):
    broken, sound = await stored(old, 2)
    await break_document(old, f"UPDATE task SET doc = {document} WHERE id = ?", broken.id)

    outcome, found = await asyncio.gather(old.get(broken.id), old.get(sound.id), return_exceptions=True)

    assert isinstance(outcome, ValidationError | StoreUnavailable)
    assert found == sound


@pytest.mark.parametrize("verb", ["get", "get_many", "find", "history", "changes"])
async def test_a_document_that_cannot_be_read_does_not_keep_the_reader_in_the_past(old: SqliteStore, verb: str):
    """A statement that was left half read would, for as long as its error lives."""
    broken, sound = await stored(old, 2)
    for table, key in (("task", "id"), ("task_history", "task_id")):
        await break_document(old, f"UPDATE {table} SET doc = '{{}}' WHERE {key} = ?", broken.id)
    ask: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: asyncio.gather(old.get(broken.id), old.get(sound.id)),
        "get_many": lambda: old.get_many([broken.id, sound.id]),
        "find": lambda: old.find(TaskQuery()),
        "history": lambda: old.history(broken.id, Revision(0)),
        "changes": lambda: old.changes(Revision(0)),
    }
    with pytest.raises(ValidationError) as error:
        await ask[verb]()

    newest = await submitted(old)

    assert await old.get(newest.id) == newest
    assert error.value.__traceback__  # it lives still


async def test_a_disk_that_refuses_is_told_to_each(old: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    tasks = await stored(old, 2)

    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(reads, "get_many", refuse)
    monkeypatch.setattr(reads, "get", refuse)
    outcomes = await asyncio.gather(*(old.get(task.id) for task in tasks), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes if isinstance(outcome, StoreUnavailable)] == [
        "cannot read: disk I/O error"
    ] * 2
