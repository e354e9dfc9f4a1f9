"""What each writing verb does inside its transaction. Each raises before it changes anything, or does all of it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from midway.domain.attempt import Attempt
from midway.domain.ids import Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.codec import json_from_attempt, json_from_task
from midway.store.port import AccountMark, RequestKey, RevisionConflict, Submitted
from midway.store.sqlite import outbox, reads
from midway.store.sqlite.columns import integer_from_time
from midway.store.sqlite.queries import QUERIES


def submit(
    connection: sqlite3.Connection, task: Task, inputs: Sequence[InputImage], request: RequestKey | None
) -> Submitted:
    """Insert a new Task, or find the one this request id made."""
    if request and (made := reads.by_request(connection, request)):
        return Submitted(made, created=False)
    if position := _position(connection, task.id):
        raise RevisionConflict(task.id, Revision(0), Revision(position["revision"]))
    stored = _with_next_revision(connection, task)
    row = _row_of_task(stored)
    connection.execute(QUERIES["insert_task"], row)
    connection.execute(QUERIES["insert_history"], row)
    put_inputs(connection, task.id, inputs)
    if request:
        _remember_request(connection, request, task.id)
    return Submitted(stored, created=True)


def _remember_request(connection: sqlite3.Connection, request: RequestKey, task_id: TaskId) -> None:
    key = {"id": request.id, "digest": request.payload_digest, "task_id": task_id}
    connection.execute(QUERIES["insert_request"], key)


def append(
    connection: sqlite3.Connection,
    task: Task,
    expected_revision: Revision,
    attempts: Sequence[Attempt],
    notify: bool,
    request: RequestKey | None,
) -> Task:
    """Replace a Task that is at the expected revision."""
    position = _position(connection, task.id)
    if position is None or position["revision"] != expected_revision:
        raise RevisionConflict(task.id, expected_revision, Revision(position["revision"]) if position else None)
    stored = _with_next_revision(connection, task)
    row = _row_of_task(stored)
    connection.execute(QUERIES["update_task"], {**row, "expected_revision": expected_revision})
    if position["state"] != stored.state:
        connection.execute(QUERIES["insert_history"], row)
    for attempt in attempts:
        put_attempt(connection, attempt)
    if request:
        _remember_request(connection, request, task.id)
    if notify and task.ask.notify_url:
        outbox.put(connection, stored, row["doc"])
    return stored


def _position(connection: sqlite3.Connection, task_id: TaskId) -> Any:
    return connection.execute(QUERIES["position_of_task"], {"id": task_id}).fetchone()


def _with_next_revision(connection: sqlite3.Connection, task: Task) -> Task:
    [(revision,)] = connection.execute(QUERIES["next_revision"]).fetchall()
    return replace(task, revision=Revision(revision))


def _row_of_task(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "revision": task.revision,
        "state": task.state.value,
        "action": task.action.value,
        "account_id": task.account_id,
        "parent_id": task.ask.parent_id,
        "client_state": task.ask.client_state,
        "doc": json_from_task(task),
    }


def put_inputs(connection: sqlite3.Connection, task_id: TaskId, inputs: Sequence[InputImage]) -> None:
    """Add input pictures after the others."""
    for image in inputs:
        connection.execute(
            QUERIES["insert_input"],
            {
                "task_id": task_id,
                "content_type": image.content_type,
                "width": image.width,
                "height": image.height,
                "data": image.data,
            },
        )


def put_attempt(connection: sqlite3.Connection, attempt: Attempt) -> None:
    """Insert an Attempt, or replace what is known of it."""
    connection.execute(
        QUERIES["put_attempt"],
        {
            "nonce": attempt.nonce,
            "task_id": attempt.task_id,
            "account_id": attempt.account_id,
            "is_open": attempt.is_open,
            "sent_at": integer_from_time(attempt.sent_at),
            "doc": json_from_attempt(attempt),
        },
    )


def put_mark(connection: sqlite3.Connection, mark: AccountMark) -> None:
    """Insert or replace an Account's mark."""
    connection.execute(
        QUERIES["put_mark"],
        {
            "account_id": mark.account_id,
            "state": mark.state.value,
            "reason": mark.reason,
            "since": integer_from_time(mark.since),
        },
    )
