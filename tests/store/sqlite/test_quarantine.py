"""A row that cannot be read is named and quarantined; the others are served, and the next start tries it again."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from midway.domain.account import AccountState
from midway.domain.clock_step import Boot
from midway.domain.ids import RequestId, Revision
from midway.domain.lifecycle import Dispatched, Progressed
from midway.domain.task import UNFINISHED, Task
from midway.store.codec import json_from_task
from midway.store.port import AccountMark, Entry, RequestKey, TaskQuery, TaskUnreadable
from midway.store.sqlite import SqliteStore
from msgspec.structs import replace
from structlog.testing import capture_logs

from tests.store.tasks import (
    ACCOUNT,
    MASK,
    PICTURE,
    START,
    a_task,
    advance,
    an_attempt,
    in_progress,
    seconds,
    submitted,
)

GARBLED = {
    "no JSON": b"\x00\x01 not a document",
    "no UTF-8": b'{"id": "\xff\xfe"}',
    "without its fields": b"{}",
    "another shape": b"[1, 2]",
    "cut off": b'{"id": "17',
    "nested deeply": b"[" * 100_000,
    "empty": b"",
}
LATER = "state of a later version"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    """A store as the server has it, whose Tasks are all on the disk."""
    opened = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    yield opened
    await opened.close()


async def garble(store: SqliteStore, table: str, where: str, key: object, document: bytes = b"{}") -> None:
    sql = f"UPDATE {table} SET doc = CAST(? AS TEXT) WHERE {where} = ?"
    await store._writer.write(lambda batch: batch.connection.execute(sql, [document, key]))


async def garbled_task(store: SqliteStore, document: bytes = b"{}") -> Task:
    task = await submitted(store)
    await garble(store, "task", "id", task.id, document)
    await garble(store, "task_history", "task_id", task.id, document)
    return task


@pytest.mark.parametrize("document", GARBLED.values(), ids=GARBLED)
async def test_of_a_task_that_cannot_be_read_it_is_said_that_it_cannot(store: SqliteStore, document: bytes):
    task = await garbled_task(store, document)

    for _ in range(2):
        with pytest.raises(TaskUnreadable, match=task.id):
            await store.get(task.id)
    assert store.health.rows_quarantined == 1


@pytest.mark.parametrize("document", GARBLED.values(), ids=GARBLED)
async def test_the_others_are_served(store: SqliteStore, document: bytes):
    one, broken, other = await submitted(store), await garbled_task(store, document), await submitted(store)
    reads: list[Callable[[], Awaitable[list[Task]]]] = [
        lambda: store.find(TaskQuery(oldest_first=True)),
        lambda: store.find(TaskQuery(states=UNFINISHED, oldest_first=True)),
        lambda: store.get_many([one.id, broken.id, other.id]),
        lambda: store.changes(Revision(0)),
    ]
    for read in reads:
        assert await read() == [one, other]
    assert await store.get_many([broken.id]) == []
    assert await store.count(TaskQuery()) == 2
    assert await store.history(other.id, Revision(0)) == [other]


async def test_it_is_named_in_the_log_once_and_nothing_of_it_is_shown(store: SqliteStore):
    task = await submitted(store)
    await garble(store, "task", "id", task.id, b'{"id": "x", "action": "a secret prompt"}')

    with capture_logs() as lines:
        await store.find(TaskQuery())
        await store.find(TaskQuery())

    [line] = lines
    assert (line["log_level"], line["table"], line["task_id"]) == ("error", "task", task.id)
    assert "secret" not in str(line)


async def test_many_rows_are_quarantined_at_once(store: SqliteStore):
    broken = [await garbled_task(store) for _ in range(20)]
    kept = await submitted(store)

    assert await store.find(TaskQuery()) == [kept]
    assert store.health.rows_quarantined == len(broken)


async def test_a_snapshot_that_cannot_be_read_costs_that_snapshot(store: SqliteStore):
    task = await in_progress(store)
    await garble(store, "task_history", "revision", 2)

    assert [seen.revision for seen in await store.history(task.id, Revision(0))] == [1, 3, 4]
    assert await store.get(task.id) == task


async def test_an_attempt_that_cannot_be_read_costs_that_attempt(store: SqliteStore):
    task = await submitted(store)
    first, second = an_attempt(task, 1), an_attempt(task, 2)
    for attempt in (first, second):
        await store.append(Entry(attempts=(attempt,)))
    await garble(store, "attempt", "nonce", first.nonce)

    assert await store.attempts(task.id) == [second]
    assert await store.recent_attempts(ACCOUNT, START) == [second]


async def test_a_notice_that_cannot_be_read_lets_the_next_ones_go(store: SqliteStore):
    task = await submitted(store, a_task(notify_url="https://receiver.invalid"))
    task = await advance(store, task, Dispatched(), Progressed(10), notify=True)
    [first] = await store.outbox_due(task.updated_at)
    await garble(store, "outbox", "sequence", first.sequence)

    [second] = await store.outbox_due(task.updated_at)

    assert second.sequence > first.sequence


async def test_a_dead_letter_that_cannot_be_read_is_passed_over(store: SqliteStore):
    tasks = [await submitted(store, a_task(notify_url="https://receiver.invalid")) for _ in range(2)]
    for task in tasks:
        await advance(store, task, Dispatched(), notify=True)
    for row in await store.outbox_due(START + seconds(60)):
        await store.outbox_give_up(row.sequence, "gone", START)
    await garble(store, "dead_letter", "task_id", tasks[0].id)

    assert [letter.task.id for letter in await store.dead_letters()] == [tasks[1].id]


async def test_a_mark_of_a_later_version_pauses_its_account(store: SqliteStore):
    """Whether it may act, nobody here knows."""
    await store.append(Entry(mark=AccountMark(ACCOUNT, AccountState.LIMITED, "", START)))
    sql = "UPDATE account_mark SET state = 'BANNED'"
    await store._writer.write(lambda batch: batch.connection.execute(sql))

    [mark] = await store.marks()

    assert (mark.account_id, mark.state) == (ACCOUNT, AccountState.PAUSED)
    assert "'BANNED'" in mark.reason


async def test_a_request_that_is_repeated_makes_no_second_task(store: SqliteStore):
    request = RequestKey(RequestId("one"), "digest")
    task = (await store.submit(a_task(), request=request)).task
    await garble(store, "task", "id", task.id)

    with pytest.raises(TaskUnreadable):
        await store.submit(a_task(), request=request)
    with pytest.raises(TaskUnreadable):
        await store.by_request(request)
    assert await store.count(TaskQuery()) == 0


async def test_a_new_row_in_the_place_of_one_that_was_quarantined_stays(store: SqliteStore):
    """Two had read the garbled row; the second one's wish to quarantine it comes late."""
    await garbled_task(store)
    question = TaskQuery()
    with pytest.raises(ValueError, match="task row") as met:
        await store._reader.read(lambda connection: _find(connection, question))
    await store.find(question)
    newer = await submitted(store)  # SQLite gives it the same row number

    await store._writer.write(lambda batch: _quarantine_row(batch, met.value))

    assert await store.get(newer.id) == newer


def _find(connection: sqlite3.Connection, query: TaskQuery) -> list[Task]:
    from midway.store.sqlite import reads  # noqa: PLC0415 - the fixture has patched it by now

    return reads.find(connection, query)


def _quarantine_row(batch: Any, unreadable: Any) -> int:
    from midway.store.sqlite import writes  # noqa: PLC0415 - as above

    return writes.quarantine_rows(batch, unreadable.rows)


async def test_a_revision_whose_row_is_quarantined_is_not_given_again(database: Path):
    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    kept, broken = await submitted(store), await garbled_task(store)
    assert await store.changes(Revision(0)) == [kept]
    assert await store.find(TaskQuery()) == [kept]
    newest = await store.revision()
    await store.close()

    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    assert await store.changes(Revision(0)) == [kept]  # it was put back, and is quarantined anew
    assert await store.find(TaskQuery()) == [kept]
    reopened = await store.revision()
    later = await submitted(store)
    await store.close()

    assert newest == reopened == broken.revision
    assert later.revision == broken.revision + 1


async def test_a_task_whose_row_was_quarantined_is_stored_anew_from_memory(database: Path):
    store = await SqliteStore.open(database, quarantine=True)
    task = await in_progress(store)
    await garble(store, "task", "id", task.id)
    assert await store.find(TaskQuery()) == []

    task = await advance(store, task, Progressed(20))
    await store.close()

    store = await SqliteStore.open(database, quarantine=True)
    assert await store.get(task.id) == task
    await store.close()


async def test_the_next_start_tries_it_again(database: Path):
    """As after an upgrade, when it was a later version that wrote it."""
    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    task = await in_progress(store)
    [document] = await store._reader.read(
        lambda connection: connection.execute("SELECT CAST(doc AS BLOB) FROM task").fetchone()
    )
    await garble(store, "task", "id", task.id, document.replace(b'"IN_PROGRESS"', b'"DREAMING"'))
    assert await store.find(TaskQuery()) == []
    await store.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("""UPDATE task_aside SET doc = replace(doc, '"DREAMING"', '"IN_PROGRESS"')""")

    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    found = await store.get(task.id)
    await store.close()

    assert found == task


async def test_what_still_cannot_be_read_is_quarantined_anew(database: Path):
    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    task = await garbled_task(store)
    for _ in range(2):
        with pytest.raises(TaskUnreadable):
            await store.get(task.id)
        await store.close()
        store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
        assert await store.find(TaskQuery()) == []
    await store.close()


async def test_what_its_table_does_not_take_stays_quarantined(database: Path):
    """As when somebody mended it by hand, and not well."""
    store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    task, kept = await garbled_task(store), await submitted(store)
    assert await store.find(TaskQuery()) == [kept]
    await store.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE task_aside SET revision = 'first', doc = ?", [json_from_task(task)])

    with capture_logs() as lines:
        store = await SqliteStore.open(database, recent_snapshots=0, quarantine=True)
    with pytest.raises(TaskUnreadable):
        await store.get(task.id)
    assert await store.find(TaskQuery()) == [kept]
    await store.close()

    assert [(line["log_level"], line["table"]) for line in lines] == [("error", "task")]


@pytest.mark.parametrize(
    "garbled", ["state = 'BANNED'", "state = CAST(x'ff' AS TEXT)", "reason = CAST(x'ff' AS TEXT)", f"since = {2**62}"]
)
async def test_a_mark_that_cannot_be_read_pauses_its_account(store: SqliteStore, garbled: str):
    await store.append(Entry(mark=AccountMark(ACCOUNT, AccountState.ACTIVE, "", START)))
    await store._writer.write(lambda batch: batch.connection.execute(f"UPDATE account_mark SET {garbled}"))

    [mark] = await store.marks()

    assert (mark.account_id, mark.state) == (ACCOUNT, AccountState.PAUSED)
    assert "resume it" in mark.reason


@pytest.mark.parametrize("garbled", ["content_type = CAST(x'ff' AS TEXT)", "position = 7"])
async def test_of_pictures_that_cannot_all_be_read_none_takes_anothers_place(store: SqliteStore, garbled: str):
    task = (await store.submit(a_task(), inputs=[PICTURE, MASK])).task
    sql = f"UPDATE input SET {garbled} WHERE position = 0"
    await store._writer.write(lambda batch: batch.connection.execute(sql))

    with pytest.raises(TaskUnreadable):
        await store.inputs(task.id)


async def test_the_clock_is_followed_beside_rows_that_cannot_be_read(store: SqliteStore):
    boot = Boot("this boot", START)
    await store.follow_clock(boot, START)
    task, kept = await submitted(store), await submitted(store)
    for one in (task, kept):
        await store.append(Entry(attempts=(an_attempt(one, int(one.id) % 1000),)))
    await garble(store, "task", "id", task.id, b'{"prompt": "a secret prompt\xff"}')
    await garble(store, "attempt", "task_id", task.id, b"[" * 100_000)

    with capture_logs() as lines:
        by = await store.follow_clock(replace(boot, began_at=START + seconds(60)), START - seconds(60))

    moved = await store.get(kept.id)
    assert by == seconds(60)
    assert moved is not None
    assert moved.created_at == kept.created_at + by
    assert {line["table"] for line in lines} == {"task", "attempt"}
    assert "secret" not in str(lines)
