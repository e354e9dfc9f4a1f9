"""What each reading verb asks, on any connection.

All rows are fetched before one is looked at. A statement that ends half read, because a document cannot be decoded,
keeps its connection in the past for as long as the error lives.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from midway.domain.account import AccountState
from midway.domain.attempt import Attempt
from midway.domain.ids import AccountId, Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.codec import attempt_from_json, task_from_json
from midway.store.port import AccountMark, RequestIdReused, RequestKey, TaskQuery, TaskUnreadable
from midway.store.sqlite.aside import decoded, is_task_aside
from midway.store.sqlite.columns import integer_from_time, time_from_integer
from midway.store.sqlite.conditions import of_page, of_query, where
from midway.store.sqlite.queries import QUERIES


def get(connection: sqlite3.Connection, task_id: TaskId) -> Task | None:
    """Read one Task. Raises TaskUnreadable when it was set aside."""
    if found := _tasks(connection.execute(QUERIES["task"], {"id": task_id})):
        return found[0]
    if is_task_aside(connection, task_id):
        raise TaskUnreadable(task_id)
    return None


def by_request(connection: sqlite3.Connection, request: RequestKey) -> Task | None:
    """Find the Task that a request id made."""
    task_id = task_of_request(connection, request)
    return get(connection, task_id) if task_id else None


def task_of_request(connection: sqlite3.Connection, request: RequestKey) -> TaskId | None:
    """Find the id of the Task that a request id made."""
    row = connection.execute(QUERIES["request"], {"id": request.id}).fetchone()
    if row is None:
        return None
    if row["digest"] != request.payload_digest:
        raise RequestIdReused(TaskId(row["task_id"]))
    return TaskId(row["task_id"])


def get_many(connection: sqlite3.Connection, task_ids: Sequence[TaskId]) -> dict[TaskId, Task]:
    """Read those that exist, in no order."""
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
    return Revision(_number(connection.execute(QUERIES["revision"])))


def last_task_id(connection: sqlite3.Connection) -> TaskId | None:
    """Read the largest Task id."""
    (task_id,) = connection.execute(QUERIES["last_task_id"]).fetchone()
    return TaskId(task_id) if task_id else None


def inputs(connection: sqlite3.Connection, task_id: TaskId) -> list[InputImage]:
    """Read a Task's input pictures."""
    rows = connection.execute(QUERIES["inputs"], {"task_id": task_id}).fetchall()
    return [InputImage(row["data"], row["content_type"], row["width"], row["height"]) for row in rows]


def attempts(connection: sqlite3.Connection, task_id: TaskId) -> list[Attempt]:
    """Read a Task's Attempts, oldest first."""
    return _attempts(connection.execute(QUERIES["attempts"], {"task_id": task_id}))


def recent_attempts(connection: sqlite3.Connection, account_id: AccountId, since: datetime) -> list[Attempt]:
    """Read an Account's Attempts that are open or young."""
    bound = {"account_id": account_id, "since": integer_from_time(since)}
    return _attempts(connection.execute(QUERIES["recent_attempts"], bound))


def marks(connection: sqlite3.Connection) -> list[AccountMark]:
    """Read every Account's mark."""
    return [_mark_from_row(row) for row in connection.execute(QUERIES["marks"]).fetchall()]


def _number(cursor: sqlite3.Cursor) -> int:
    (number,) = cursor.fetchone()
    return int(number)


def _tasks(cursor: sqlite3.Cursor) -> list[Task]:
    return decoded("task", cursor.fetchall(), _task_from_row)


def _task_from_row(row: Any) -> Task:
    return task_from_json(row["doc"], Revision(row["revision"]))


def _attempts(cursor: sqlite3.Cursor) -> list[Attempt]:
    return decoded("attempt", cursor.fetchall(), _attempt_from_row)


def _attempt_from_row(row: Any) -> Attempt:
    return attempt_from_json(row["doc"])


def _mark_from_row(row: Any) -> AccountMark:
    since = time_from_integer(row["since"])
    try:
        state, reason = AccountState(row["state"]), row["reason"]
    except ValueError:  # of a later version; whether it may act, a person says
        state, reason = AccountState.PAUSED, f"its state {row['state']!r} is of another version; resume it"
    return AccountMark(row["account_id"], state, reason, since)
