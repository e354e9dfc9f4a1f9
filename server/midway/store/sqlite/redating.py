"""A wall clock that was set: what is unfinished moves along, in the transaction that remembers the clock."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from midway.domain.attempt import Attempt
from midway.domain.ids import Revision
from midway.domain.redate import Boot, redated, redated_attempt, step_between
from midway.domain.task import UNFINISHED, Task
from midway.store.codec import attempt_from_json, task_from_json
from midway.store.sqlite.batch import Batch
from midway.store.sqlite.columns import integer_from_time, time_from_integer
from midway.store.sqlite.queries import QUERIES

ROWS_AT_ONCE = 500  # in one statement; SQLite bounds the number of its values


class Moved(Struct, frozen=True):
    """By how much the clock was set, and the Tasks whose times were moved, as stored."""

    by: timedelta
    tasks: list[Task]


def follow(batch: Batch, boot: Boot, young: datetime) -> Moved:
    """Remember the boot; move what is unfinished when the clock was set since the last one was remembered."""
    step = step_between(known_boot(batch.connection, boot.id), boot)
    moved = _move(batch, step, young) if step else []
    batch.connection.execute(QUERIES["forget_boots"])
    bound = {"id": boot.id, "began_at": integer_from_time(boot.began_at)}
    batch.connection.execute(QUERIES["remember_boot"], bound)
    return Moved(step, moved)


def known_boot(connection: sqlite3.Connection, boot_id: str) -> Boot | None:
    """Read the boot that was remembered last; None when that is another one."""
    row = connection.execute(QUERIES["boot"], {"id": boot_id}).fetchone()
    return Boot(boot_id, time_from_integer(row["value"])) if row else None


def _move(batch: Batch, step: timedelta, young: datetime) -> list[Task]:
    batch.write()  # what came before in this transaction is read here
    moved = []
    for number, task in enumerate(_unfinished(batch.connection), start=1):
        moved.append(batch.put(redated(task, step), is_change_of_state=False)[0])
        if number % ROWS_AT_ONCE == 0:
            batch.write()
    for number, attempt in enumerate(_young(batch.connection, young), start=1):
        batch.put_attempt(redated_attempt(attempt, step))
        if number % ROWS_AT_ONCE == 0:
            batch.write()
    batch.write()
    for query in ("move_notices", "move_dead_letters"):
        batch.connection.execute(QUERIES[query], {"step": step // timedelta(microseconds=1)})
    return moved


def _unfinished(connection: sqlite3.Connection) -> Iterator[Task]:
    """Read the Tasks that have not ended. One that cannot be read is nobody's, and stays as it is."""
    for state in sorted(UNFINISHED):
        for row in connection.execute(QUERIES["tasks_in_state"], {"state": state.value}).fetchall():
            with suppress(msgspec.DecodeError):
                yield task_from_json(row["doc"], Revision(row["revision"]))


def _young(connection: sqlite3.Connection, young: datetime) -> Iterator[Attempt]:
    for account in connection.execute(QUERIES["accounts_of_attempts"]).fetchall():
        bound = {"account_id": account["account_id"], "since": integer_from_time(young)}
        for row in connection.execute(QUERIES["recent_attempts"], bound).fetchall():
            with suppress(msgspec.DecodeError):
                yield attempt_from_json(row["doc"])
