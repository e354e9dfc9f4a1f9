"""Rows as values. What cannot be read raises one of `quarantine.FAULTS`."""

from typing import Any

from midway.domain.attempt import Attempt
from midway.domain.ids import Revision
from midway.domain.task import Task
from midway.store.codec import attempt_from_json, task_from_json
from midway.store.sqlite.columns import of_type


def task_from_row(row: Any) -> Task:
    """Read a Task from the columns `id`, `revision` and `doc`."""
    task = task_from_json(of_type(bytes, row["doc"]), Revision(of_type(int, row["revision"])))
    _require_same(row["id"], task.id)
    return task


def attempt_from_row(row: Any) -> Attempt:
    """Read an Attempt from the columns `nonce` and `doc`."""
    attempt = attempt_from_json(of_type(bytes, row["doc"]))
    _require_same(row["nonce"], attempt.nonce)
    return attempt


def _require_same(key: Any, documented: str) -> None:
    """Raise ValueError when the row's key is not the document's: the next write would not replace this row."""
    if key != documented:
        raise ValueError("its key is not its document's")
