"""The queries behind each reading method; they run on any connection.

All rows are fetched before the first is decoded. If decoding failed in the middle of a statement, the exception would
keep the statement open, and the connection would go on reading its old snapshot of the database.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from midway.domain.account import AccountState
from midway.domain.attempt import Attempt
from midway.domain.ids import AccountId, Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.port import AccountMark, RequestIdReused, RequestKey, TaskQuery, TaskUnreadable
from midway.store.sqlite.columns import EPOCH, integer_from_time, of_type, stored_time
from midway.store.sqlite.conditions import of_page, of_query, where
from midway.store.sqlite.quarantine import FAULTS, decoded, is_task_quarantined, readable
from midway.store.sqlite.queries import QUERIES
from midway.store.sqlite.rows import attempt_from_row, task_from_row

log = structlog.get_logger(__name__)


def get(connection: sqlite3.Connection, task_id: TaskId) -> Task | None:
    """Read one Task. Raises TaskUnreadable when it is quarantined."""
    if found := _tasks(connection.execute(QUERIES["task"], {"id": task_id})):
        return found[0]
    if is_task_quarantined(connection, task_id):
        raise TaskUnreadable(task_id)
    return None


def by_request(connection: sqlite3.Connection, request: RequestKey) -> Task | None:
    """Find the Task that a request id made."""
    task_id = task_of_request(connection, request)
    return requested_task(connection, task_id) if task_id is not None else None


def requested_task(connection: sqlite3.Connection, task_id: TaskId) -> Task:
    """Read the Task that a request id made. Raises TaskUnreadable even when it is missing, so no second one is made."""
    if task := get(connection, task_id):
        return task
    log.error("a request cannot be answered: the Task that it made is not there", table="request", task_id=task_id)
    raise TaskUnreadable(task_id)


def task_of_request(connection: sqlite3.Connection, request: RequestKey) -> TaskId | None:
    """Find the id of the Task that a request id made."""
    row = connection.execute(QUERIES["request"], {"id": request.id}).fetchone()
    if row is None:
        return None
    task_id = TaskId(row["task_id"] if isinstance(row["task_id"], str) else "")  # "" is no Task's id
    if row["digest"] != request.payload_digest:
        raise RequestIdReused(task_id)
    return task_id


def get_many(connection: sqlite3.Connection, task_ids: Sequence[TaskId]) -> dict[TaskId, Task]:
    """Read the Tasks that exist, by id."""
    if len(task_ids) < 2:
        found = [task for task_id in task_ids for task in _tasks(connection.execute(QUERIES["task"], {"id": task_id}))]
    else:
        found = _tasks(connection.execute(QUERIES["tasks"], {"ids": json.dumps(task_ids)}))
    return {task.id: task for task in found}


def find(connection: sqlite3.Connection, query: TaskQuery) -> list[Task]:
    """Read a page of the Tasks that match."""
    condition = where(of_page(query))
    sql = QUERIES["find_oldest_first" if query.oldest_first else "find_newest_first"]
    return _tasks(connection.execute(sql.format(conditions=condition.sql), {**condition.values, "limit": query.limit}))


def count(connection: sqlite3.Connection, query: TaskQuery) -> int:
    """Count the Tasks that match."""
    condition = where(of_query(query))
    return _number(connection.execute(QUERIES["count"].format(conditions=condition.sql), condition.values))


def history(connection: sqlite3.Connection, task_id: TaskId, after: Revision) -> list[Task]:
    """Read one Task's snapshots after a revision."""
    return _tasks(connection.execute(QUERIES["history"], {"id": task_id, "after": after}))


def changes(connection: sqlite3.Connection, after: Revision, limit: int) -> list[Task]:
    """Read all Tasks' snapshots after a revision."""
    return _tasks(connection.execute(QUERIES["changes"], {"after": after, "limit": limit}))


def revision(connection: sqlite3.Connection) -> Revision:
    """Read the newest revision."""
    stored = _number(connection.execute(QUERIES["stored_revision"]))
    kept = connection.execute(QUERIES["kept_revision"]).fetchone()
    if kept is None:
        log.error("the stored revision cannot be read; the newest row's is used", table="counter")
    return Revision(max(stored, kept["value"] if kept else 0))


def last_task_id(connection: sqlite3.Connection) -> TaskId | None:
    """Read the largest Task id."""
    (task_id,) = connection.execute(QUERIES["last_task_id"]).fetchone()
    return TaskId(task_id) if task_id else None


def inputs(connection: sqlite3.Connection, task_id: TaskId) -> list[InputImage]:
    """Read a Task's input pictures. Raises TaskUnreadable when one cannot be read: the others would shift positions."""
    rows = connection.execute(QUERIES["inputs"], {"task_id": task_id}).fetchall()
    images = list(readable("input", rows, _input_from_row))
    if len(images) < len(rows) or [row["position"] for row in rows] != list(range(len(rows))):
        log.error("the input pictures of a task cannot be read", table="input", task_id=task_id)
        raise TaskUnreadable(task_id)
    return images


def attempts(connection: sqlite3.Connection, task_id: TaskId) -> list[Attempt]:
    """Read a Task's Attempts, oldest first."""
    return _attempts(connection.execute(QUERIES["attempts"], {"task_id": task_id}))


def recent_attempts(connection: sqlite3.Connection, account_id: AccountId, since: datetime) -> list[Attempt]:
    """Read an Account's Attempts that are open or recent."""
    bound = {"account_id": account_id, "since": integer_from_time(since)}
    return _attempts(connection.execute(QUERIES["recent_attempts"], bound))


def marks(connection: sqlite3.Connection) -> list[AccountMark]:
    """Read every Account's mark."""
    return list(readable("account_mark", connection.execute(QUERIES["marks"]).fetchall(), _mark_from_row))


def _number(cursor: sqlite3.Cursor) -> int:
    (number,) = cursor.fetchone()
    return int(number)


def _tasks(cursor: sqlite3.Cursor) -> list[Task]:
    return decoded("task", cursor.fetchall(), task_from_row)


def _attempts(cursor: sqlite3.Cursor) -> list[Attempt]:
    return decoded("attempt", cursor.fetchall(), attempt_from_row)


def _input_from_row(row: Any) -> InputImage:
    width, height = of_type(int, row["width"]), of_type(int, row["height"])
    return InputImage(of_type(bytes, row["data"]), of_type(str, row["content_type"]), width, height)


def _mark_from_row(row: Any) -> AccountMark:
    account_id = AccountId(of_type(str, row["account_id"]))
    try:
        state, reason = of_type(str, row["state"]), of_type(str, row["reason"])
        since = stored_time(row["since"])
    except FAULTS:
        return _paused(account_id)
    if state not in set(AccountState):  # of a later version; here, too, a person decides
        return AccountMark(
            account_id, AccountState.PAUSED, f"its state {state!r} is of another version; resume it", since
        )
    return AccountMark(account_id, AccountState(state), reason, since)


def _paused(account_id: AccountId) -> AccountMark:
    """Return the mark of an Account whose own mark cannot be read; a person decides whether it may act."""
    log.error("an account's mark cannot be read; it is paused", table="account_mark", account_id=account_id)
    return AccountMark(account_id, AccountState.PAUSED, "what is stored of it cannot be read; resume it", EPOCH)
