"""Shifts the times of unfinished work after the wall clock was set, in the transaction that stores the new clock."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.clock_step import Boot, redated, redated_attempt, step_between
from midway.domain.task import UNFINISHED, Task
from midway.store.sqlite.batch import Batch
from midway.store.sqlite.columns import FARTHEST, integer_from_time, stored_time
from midway.store.sqlite.quarantine import readable
from midway.store.sqlite.queries import QUERIES
from midway.store.sqlite.rows import attempt_from_row, task_from_row


class Moved(Struct, frozen=True):
    """By how much the clock was set, and the Tasks whose times were shifted, as stored."""

    by: timedelta
    tasks: list[Task]


def follow(batch: Batch, boot: Boot, young: datetime) -> Moved:
    """Store the boot; shift the times of unfinished work if the clock was set since the last boot was stored."""
    step = step_between(known_boot(batch.connection, boot.id), boot)
    moved = _move(batch, step, young) if step else []
    batch.connection.execute(QUERIES["forget_boots"])
    bound = {"id": boot.id, "began_at": integer_from_time(boot.began_at)}
    batch.connection.execute(QUERIES["remember_boot"], bound)
    return Moved(step, moved)


def known_boot(connection: sqlite3.Connection, boot_id: str) -> Boot | None:
    """Read the boot that was stored last; None when it has another id."""
    rows = connection.execute(QUERIES["boot"], {"id": boot_id}).fetchall()
    return next(readable("counter", rows, lambda row: Boot(boot_id, stored_time(row["value"]))), None)


def _move(batch: Batch, step: timedelta, young: datetime) -> list[Task]:
    batch.write()  # so that the reads below see what this transaction did before
    moved = [batch.put(task, is_change_of_state=False)[0] for task in _unfinished(batch.connection, step)]
    for attempt in _young(batch.connection, young, step):
        batch.put_attempt(attempt)
    batch.write()
    for query in ("move_notices", "move_dead_letters"):
        batch.connection.execute(QUERIES[query], {"step": step // timedelta(microseconds=1), "farthest": FARTHEST})
    return moved


def _unfinished(connection: sqlite3.Connection, step: timedelta) -> Iterator[Task]:
    """Yield the unfinished Tasks with shifted times, as their next versions. A row that cannot be read is skipped."""

    def moved(row: Any) -> Task:
        task = task_from_row(row)
        return replace(redated(task, step), version=task.version + 1)

    for state in sorted(UNFINISHED):
        rows = connection.execute(QUERIES["tasks_in_state"], {"state": state.value}).fetchall()
        yield from readable("task", rows, moved)


def _young(connection: sqlite3.Connection, young: datetime, step: timedelta) -> Iterator[Attempt]:
    for account in connection.execute(QUERIES["accounts_of_attempts"]).fetchall():
        bound = {"account_id": account["account_id"], "since": integer_from_time(young)}
        rows = connection.execute(QUERIES["recent_attempts"], bound).fetchall()
        yield from readable("attempt", rows, lambda row: redated_attempt(attempt_from_row(row), step))
