"""What the operations of one transaction do to Tasks and Attempts: collected one by one, written together.

Each statement releases the GIL and takes it again, which costs more than the row. So rows are
collected while the operations run, and written by a statement or two for each table, whatever their number.

A commit writes every page that was touched, and writing a column touches a page of each of its indexes, even where the
value stays the same. So of an existing row only the columns that change are written. The newest revision has no row of
its own: it is the largest one among the rows.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.ids import Nonce, Revision, TaskId
from midway.domain.task import Task
from midway.store.codec import json_from_attempt, json_from_task
from midway.store.sqlite.columns import integer_from_time
from midway.store.sqlite.queries import QUERIES
from midway.store.sqlite.recent import RecentSnapshots

Row = tuple[Any, ...]  # its key first

ROWS_AT_ONCE = 500  # in one statement; SQLite limits the number of bound values


class Position(NamedTuple):
    """A Task's version and state."""

    version: int
    state: str


@dataclass
class Batch:
    """One transaction of the writer. What is neither a Task nor an Attempt is written directly on the connection."""

    connection: sqlite3.Connection
    recent: RecentSnapshots  # does not change while the batch runs
    revision: Revision  # the last one given
    _tasks: dict[TaskId, Task] = field(default_factory=dict)  # changed by this batch
    # What is not written yet; of a Task or an Attempt that changes several times, its last row.
    _task_rows: dict[TaskId, Row] = field(default_factory=dict)
    _state_changed: set[TaskId] = field(default_factory=set)  # Tasks whose row is new or has another state
    _history_rows: list[Row] = field(default_factory=list)
    _attempt_rows: dict[Nonce, Row] = field(default_factory=dict)

    def trial(self) -> Self:
        """Return a batch that goes on from here and has nothing to write; this one stays as it is."""
        return type(self)(self.connection, self.recent, self.revision, dict(self._tasks))

    def task(self, task_id: TaskId) -> Task | None:
        """Return a Task as it is after the operations before, when it is in memory; None: ask the database."""
        return self._tasks.get(task_id) or self.recent.latest(task_id)

    def position(self, task_id: TaskId) -> Position | None:
        """Return a Task's version and state after the previous operations; None when there is no such Task."""
        if task := self.task(task_id):
            return Position(task.version, task.state)
        if task_id > self.recent.newest_id:
            return None  # ids rise: it is past all that are stored
        row = self.connection.execute(QUERIES["position_of_task"], {"id": task_id}).fetchone()
        return Position(row["version"], row["state"]) if row else None

    def put(self, task: Task, *, is_change_of_state: bool) -> tuple[Task, str]:
        """Give a Task the next revision and write it; return it as stored, and as a document."""
        stored = replace(task, revision=Revision(self.revision + 1))
        document = json_from_task(stored)
        self.revision = stored.revision
        self._tasks[task.id] = stored
        self._task_rows[task.id] = _row_of_task(stored, document)
        if is_change_of_state:
            self._state_changed.add(task.id)
            self._history_rows.append((stored.revision, stored.id, stored.state.value, document))
        return stored, document

    def put_attempt(self, attempt: Attempt) -> None:
        """Write an Attempt, replacing what was stored of it."""
        self._attempt_rows[attempt.nonce] = _row_of_attempt(attempt)

    def keep_revision(self) -> None:
        """Store the newest revision, so that none is assigned twice when the row that holds it is removed."""
        self.connection.execute(QUERIES["keep_revision"], {"value": self.revision})

    def write(self) -> None:
        """Write the rows that were collected so far."""
        state_changed = [row for task_id, row in self._task_rows.items() if task_id in self._state_changed]
        others = [row for task_id, row in self._task_rows.items() if task_id not in self._state_changed]
        self._insert("put_tasks", [*state_changed, *self._update("progress_tasks", others)])
        self._insert("insert_history", self._history_rows)
        changed = self._update("learn_of_attempts", list(self._attempt_rows.values()))
        self._insert("put_attempts", self._update("end_attempts", changed))
        for written in (self._task_rows, self._state_changed, self._history_rows, self._attempt_rows):
            written.clear()

    def _insert(self, query: str, rows: Sequence[Row]) -> None:
        for chunk in _chunks(rows):
            self._execute(query, chunk)

    def _update(self, query: str, rows: Sequence[Row]) -> list[Row]:
        """Update rows with the query; return those that it did not update: no stored row matched its conditions."""
        not_updated = []
        for chunk in _chunks(rows):
            updated = {key for (key,) in self._execute(query, chunk)}
            not_updated += [row for row in chunk if row[0] not in updated]
        return not_updated

    def _execute(self, query: str, rows: Sequence[Row]) -> list[Any]:
        values = [value for row in rows for value in row]
        return self.connection.execute(QUERIES[query].format(rows=_placeholders(rows)), values).fetchall()


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE))


def _placeholders(rows: Sequence[Row]) -> str:
    """Return SQL placeholders for the values of rows."""
    return ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))


def _row_of_task(task: Task, document: str) -> Row:
    ask = task.ask
    key = (task.id, task.revision, task.state.value, task.action.value)
    return (*key, task.account_id, ask.parent_id, ask.client_state, document)


def _row_of_attempt(attempt: Attempt) -> Row:
    key = (attempt.nonce, attempt.task_id, attempt.account_id, attempt.is_open)
    return (*key, integer_from_time(attempt.sent_at), json_from_attempt(attempt))
