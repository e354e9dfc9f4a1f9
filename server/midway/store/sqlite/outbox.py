"""The outbox and the dead letters: what each method for webhook notices does inside its transaction."""

import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.store.port import DeadLetter, DeadLetterKey, OutboxRow
from midway.store.sqlite.columns import FARTHEST, integer_from_time, of_type, stored_time
from midway.store.sqlite.quarantine import decoded
from midway.store.sqlite.queries import QUERIES
from midway.store.sqlite.rows import task_from_row

END_OF_TIME = b""  # sorts after every time, as SQLite sorts bytes after numbers and text; pages begin before it
MOST_TRIES = 2**31


def put(connection: sqlite3.Connection, task: Task, doc: str) -> None:
    """Add a notice; it replaces the Task's notices of earlier progress in the same state, except the first."""
    if not task.state.is_terminal:
        connection.execute(QUERIES["supersede_notices"], {"task_id": task.id, "state": task.state.value})
    connection.execute(
        QUERIES["insert_notice"],
        {
            "task_id": task.id,
            "revision": task.revision,
            "doc": doc,
            "url": task.ask.notify_url,
            "due_at": integer_from_time(task.updated_at),
            "state": task.state.value,
        },
    )


def due(
    connection: sqlite3.Connection,
    now: datetime,
    limit: int,
    besides: Collection[str] | None,
    save: Collection[str],
) -> list[OutboxRow]:
    """Read the first notice of each Task, if it is due and not excluded by `besides`."""
    bound: dict[str, Any] = {"now": integer_from_time(now), "limit": limit, "save": _json(save)}
    bound |= {"besides": None if besides is None else _json(besides)}
    rows = connection.execute(QUERIES["outbox_due"], bound).fetchall()
    rows += connection.execute(QUERIES["outbox_never_due"], {"farthest": FARTHEST}).fetchall()
    return decoded("outbox", rows, _notice_from_row)


def delivered(connection: sqlite3.Connection, sequence: int) -> None:
    """Remove a notice from the outbox."""
    connection.execute(QUERIES["delete_notice"], {"sequence": sequence})


def retry(connection: sqlite3.Connection, sequence: int, due_at: datetime) -> None:
    """Count a failed try of a notice."""
    connection.execute(QUERIES["retry_notice"], {"sequence": sequence, "due_at": integer_from_time(due_at)})


def give_up(connection: sqlite3.Connection, sequence: int, problem: str, now: datetime) -> None:
    """Move a notice to the dead letters."""
    bound = {"sequence": sequence, "problem": problem, "died_at": integer_from_time(now)}
    connection.execute(QUERIES["insert_dead_letter"], bound)
    connection.execute(QUERIES["delete_notice"], {"sequence": sequence})


def dead_letters(
    connection: sqlite3.Connection, task_id: TaskId | None, before: DeadLetterKey | None, limit: int
) -> list[DeadLetter]:
    """Read a page of the dead letters, newest first."""
    bound: dict[str, Any] = {"task_id": task_id, "limit": limit}
    bound |= {"died_at": END_OF_TIME, "before_task_id": "", "before_revision": 0}
    if before:
        bound |= {"died_at": integer_from_time(before.died_at)}
        bound |= {"before_task_id": before.task_id, "before_revision": before.revision}
    rows = connection.execute(QUERIES["dead_letters"], bound).fetchall()
    return decoded("dead_letter", rows, _dead_letter_from_row)


def redeliver(connection: sqlite3.Connection, task_id: TaskId, revision: Revision, now: datetime) -> bool:
    """Move a dead letter back to the outbox; False when there is none. Raises RowsUnreadable."""
    key = {"task_id": task_id, "revision": revision}
    decoded("dead_letter", connection.execute(QUERIES["dead_letter"], key).fetchall(), _dead_letter_from_row)
    moved = connection.execute(QUERIES["redeliver_notice"], key | {"now": integer_from_time(now)})
    connection.execute(QUERIES["delete_dead_letter"], key)
    return moved.rowcount > 0


def forget_dead_letters(connection: sqlite3.Connection, before: datetime) -> None:
    """Remove the dead letters that were given up before this time."""
    connection.execute(QUERIES["forget_dead_letters"], {"before": integer_from_time(before)})


def _json(texts: Collection[str]) -> str:
    return orjson.dumps(list(texts)).decode()


def _notice_from_row(row: Any) -> OutboxRow:
    return OutboxRow(
        sequence=row["sequence"],
        task=task_from_row(row),
        url=of_type(str, row["url"]),
        tries=_tries(row),
        due_at=stored_time(row["due_at"]),
        since=stored_time(row["since"]),
    )


def _dead_letter_from_row(row: Any) -> DeadLetter:
    url, problem = of_type(str, row["url"]), of_type(str, row["problem"])
    return DeadLetter(task_from_row(row), url, _tries(row), problem, stored_time(row["died_at"]))


def _tries(row: Any) -> int:
    tries = of_type(int, row["tries"])
    if not 0 <= tries <= MOST_TRIES:
        raise ValueError("a number of tries out of range")
    return tries
