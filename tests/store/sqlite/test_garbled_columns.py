"""Any column of any table garbled: the database opens, the other rows are served, and the log tells no content."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from midway.domain.account import AccountState
from midway.domain.clock_step import Boot
from midway.domain.ids import AccountId, RequestId, Revision
from midway.domain.lifecycle import Dispatched, Progressed
from midway.domain.task import UNFINISHED, Task
from midway.store.port import (
    AccountMark,
    Entry,
    RequestIdReused,
    RequestKey,
    TaskQuery,
    TaskUnreadable,
    VersionConflict,
)
from midway.store.sqlite import SqliteStore
from midway.store.sqlite.database import open_writer
from structlog.testing import capture_logs

from tests.store.tasks import ACCOUNT, MASK, PICTURE, START, a_task, advance, an_attempt, submitted

SECRET = "a very private fox"
BOOT = Boot("this boot", START - timedelta(days=1))
STEP = timedelta(hours=2)
LATER = START + timedelta(days=1)
OTHER_ACCOUNT = AccountId("2002")
PAUSED = AccountMark(OTHER_ACCOUNT, AccountState.PAUSED, "verify", START)
NAMED = (TaskUnreadable, RequestIdReused, VersionConflict)  # what a verb may say of the garbled row

NO_UTF8 = f"CAST(x'{SECRET.encode().hex()}ff' AS TEXT)"
FAR_AWAY = {"far away": str(2**62), "the smallest": str(-(2**63))}
GARBLED = {
    "TEXT": {"no UTF-8": NO_UTF8, "NULL": "NULL", "bytes": "x'00ff'"},
    "INTEGER": FAR_AWAY | {"the largest": str(2**63 - 1), "text": f"'{SECRET}'", "NULL": "NULL", "half": "0.5"},
    "BLOB": {"text": f"'{SECRET}'", "NULL": "NULL"},
}
# The row of each table that is garbled; :id is its Task's.
ROWS = {
    "account_mark": [f"account_id = '{ACCOUNT}'"],
    "attempt": ["task_id = :id"],
    "counter": ["name = 'revision'", f"name = 'boot {BOOT.id}'"],
    "dead_letter": ["task_id = :id"],
    "input": ["task_id = :id AND position = 0"],
    "outbox": ["sequence = (SELECT min(sequence) FROM outbox WHERE task_id = :id)"],
    "request": ["task_id = :id"],
    "task": ["id = :id"],
    "task_history": ["revision = (SELECT min(revision) FROM task_history WHERE task_id = :id)"],
}
# What is read, and not only looked for. Of an integer that is no time any is taken.
READ = {
    "account_mark": {"account_id", "state", "reason", "since"},
    "attempt": {"nonce", "doc"},
    "counter": {"name", "value"},
    "dead_letter": {"task_id", "revision", "doc", "url", "tries", "problem", "died_at"},
    "input": {"position", "content_type", "width", "height", "data"},
    "outbox": {"task_id", "revision", "doc", "url", "tries", "due_at", "since"},
    "request": {"task_id"},
    "task": {"id", "revision", "doc"},
    "task_history": {"task_id", "doc"},
}
NO_TIMES = {"revision", "width", "height"}


class Case(NamedTuple):
    """A row's column and the SQL of what comes into it."""

    table: str
    is_quarantined: bool
    row: str
    column: str
    value: str
    is_named: bool


class Stored(NamedTuple):
    """A database with the rows of a Task that is garbled, and of one that is not."""

    database: Path
    broken: Task
    sound: Task


def cases() -> list[Any]:
    """List every column of the schema with each way to garble it that SQLite could come to read."""
    with TemporaryDirectory() as directory, closing(open_writer(Path(directory) / "schema.db")) as connection:
        columns = connection.execute(
            "SELECT t.name, c.name, c.type, c.pk, t.wr FROM pragma_table_list AS t, pragma_table_info(t.name) AS c"
            " WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid"
        ).fetchall()
    found = []
    for name, column, declared, key, is_without_rowid in columns:
        table = name.removesuffix("_aside")
        kind = "INTEGER" if declared == "INT" else declared
        garbled = {
            how: value for how, value in GARBLED[kind].items() if value != "NULL" or not (key and is_without_rowid)
        }
        if (name, column) in {("outbox", "sequence"), ("task_history", "revision")}:
            garbled = FAR_AWAY  # the number of a row
        for number, row in enumerate(ROWS[table]):
            for how, value in garbled.items():
                is_named = column in READ.get(table, ()) and not (
                    (column in NO_TIMES and value.lstrip("-").isdigit())
                    or (table == "outbox" and column in {"task_id", "due_at"} and value == "NULL")  # never met
                    or (column == "name" and number == 1)  # a boot of another name was another boot
                )
                case = Case(table, name != table, row, column, value, is_named)
                found.append(pytest.param(case, id=f"{name}.{column} {how} {number}"))
    return found


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Store something in every table, and let the tables take what a damaged file may hold."""
    database = tmp_path_factory.mktemp("garbled") / "midway.db"
    broken, sound = asyncio.run(_fill(database))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ') STRICT, WITHOUT', ') WITHOUT'),"
            " ') STRICT', ')'), ' NOT NULL', '') WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    return Stored(database, broken, sound)


async def _fill(database: Path) -> list[Task]:
    store = await SqliteStore.open(database)
    await store.follow_clock(BOOT, START)
    await store.append(Entry(mark=AccountMark(ACCOUNT, AccountState.ACTIVE, "", START)))
    await store.append(Entry(mark=PAUSED))
    tasks = []
    for number in range(2):
        task = a_task(prompt=SECRET, notify_url=f"https://r{number}.invalid")
        task = (await store.submit(task, inputs=[PICTURE, MASK], request=_request(task))).task
        task = await advance(store, task, Dispatched(), notify=True)
        [dead] = [row for row in await store.outbox_due(LATER) if row.task.id == task.id]
        await store.outbox_give_up(dead.sequence, "gone", START)
        await store.append(Entry(attempts=(an_attempt(task, number),)))
        tasks.append(await advance(store, task, Progressed(10), Progressed(20), notify=True))
    await store.close()
    return tasks


def _request(task: Task) -> RequestKey:
    return RequestKey(RequestId(f"of {task.id}"), "digest")


def _garble(database: Path, case: Case, task: Task) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        table, row, bound = case.table, case.row, {"id": task.id}
        if case.is_quarantined:
            connection.execute(f"INSERT INTO {table}_aside SELECT * FROM {table} WHERE {row}", bound)
            connection.execute(f"DELETE FROM {table} WHERE {row}", bound)
            table, row = f"{table}_aside", "TRUE"
        changed = connection.execute(f"UPDATE {table} SET {case.column} = {case.value} WHERE {row}", bound)
        assert changed.rowcount == 1


@pytest.mark.parametrize("case", cases())
async def test_a_garbled_column_costs_its_row_only(stored: Stored, tmp_path: Path, case: Case):
    database = tmp_path / "midway.db"
    shutil.copy(stored.database, database)
    _garble(database, case, stored.broken)

    with capture_logs() as lines:
        store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
        await _broken_is_refused_by_name(store, stored.broken)
        await _sound_is_served(store, stored.sound)
        await _clock_is_followed(store, stored.sound, is_known=case.row != ROWS["counter"][1])
        await _work_goes_on(store, stored)
        await store.close()
        store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
        assert stored.sound.id in {task.id for task in await store.find(TaskQuery())}
        await store.close()

    assert SECRET not in str(lines)
    if case.is_named:
        assert case.table in {line["table"] for line in lines if line["log_level"] == "error"}


async def _broken_is_refused_by_name(store: SqliteStore, task: Task) -> None:
    asked: list[Awaitable[object]] = [
        store.get(task.id),
        store.get_many([task.id]),
        store.by_request(_request(task)),
        store.history(task.id, Revision(0)),
        store.inputs(task.id),
        store.attempts(task.id),
        store.dead_letters(task.id),
    ]
    for question in asked:
        with suppress(*NAMED):
            await question


async def _sound_is_served(store: SqliteStore, task: Task) -> None:
    assert await store.get(task.id) == task
    assert await store.by_request(_request(task)) == task
    assert task in await store.get_many([task.id])
    for query in (TaskQuery(), TaskQuery(states=UNFINISHED, oldest_first=True)):
        assert task in await store.find(query)
        assert await store.count(query) >= 1
    assert len(await store.history(task.id, Revision(0))) == 4
    assert task in await store.changes(Revision(0))
    assert await store.revision() >= task.revision
    assert await store.last_task_id() == task.id
    assert await store.inputs(task.id) == [PICTURE, MASK]
    assert await store.attempts(task.id) == [an_attempt(task, 1)]
    assert an_attempt(task, 1) in await store.recent_attempts(ACCOUNT, START)
    assert PAUSED in await store.marks()
    assert task.id in {row.task.id for row in await store.outbox_due(LATER)}
    assert task.id in {letter.task.id for letter in await store.dead_letters()}


async def _clock_is_followed(store: SqliteStore, task: Task, *, is_known: bool) -> None:
    assert await store.boot(BOOT.id) == (BOOT if is_known else None)
    await store.follow_clock(BOOT, START)
    [before] = [row for row in await store.outbox_due(LATER) if row.task.id == task.id]
    assert await store.follow_clock(Boot(BOOT.id, BOOT.began_at + STEP), START - STEP) == STEP

    moved = await store.get(task.id)
    assert moved
    assert moved.created_at == task.created_at + STEP
    assert [attempt.sent_at for attempt in await store.attempts(task.id)] == [START + STEP]
    [after] = [row for row in await store.outbox_due(LATER) if row.task.id == task.id]
    assert after.due_at == before.due_at + STEP


async def _work_goes_on(store: SqliteStore, stored: Stored) -> None:
    for notice in await store.outbox_due(LATER):
        await store.outbox_retry(notice.sequence, LATER)
        await store.outbox_give_up(notice.sequence, "gone", LATER)
    for task in (stored.broken, stored.sound):
        with suppress(*NAMED):
            if found := await store.get(task.id):
                await advance(store, found, Progressed(30), notify=True)
        with suppress(*NAMED):
            await store.submit(a_task(), request=_request(task))
    assert stored.sound.id in {row.task.id for row in await store.outbox_due(LATER)}
    letters = {letter.task.id: letter for letter in await store.dead_letters()}
    await store.redeliver(stored.broken.id, Revision(2), LATER)
    assert await store.redeliver(stored.sound.id, letters[stored.sound.id].task.revision, LATER)
    await store.forget_dead_letters(LATER + STEP)
    new = await submitted(store)
    assert await store.get(new.id) == new
    assert await store.last_task_id() == new.id
