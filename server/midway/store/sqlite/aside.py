"""Rows that cannot be read: found where rows are decoded, named in the log, and set aside, so that others are served.

A document may be garbled, or hold a word of a later version. Each start tries the rows again that an earlier one set
aside; those that still cannot be read are met and set aside anew.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import structlog
from msgspec import Struct, ValidationError

from midway.store.sqlite.queries import QUERIES

T = TypeVar("T")
log = structlog.get_logger(__name__)

# What decoding a document may raise. A ValueError: it is no JSON, no UTF-8, or does not have the fields.
_FAULTS = (ValueError, OverflowError, RecursionError)
_QUOTED = re.compile(r"'.*'", re.DOTALL)  # a value, in msgspec's sentences


class _Columns(NamedTuple):
    """How a table calls a row's number, which is unique in it, and the row's Task."""

    number: str
    task_id: str


TABLES = {
    "task": _Columns("rowid", "id"),
    "task_history": _Columns("revision", "task_id"),
    "attempt": _Columns("rowid", "task_id"),
    "outbox": _Columns("sequence", "task_id"),
    "dead_letter": _Columns("revision", "task_id"),
}


class UnreadableRow(Struct, frozen=True):
    """A row whose document cannot be read."""

    table: str
    number: int
    document: bytes
    problem: str  # nothing of the document's content


class RowsUnreadable(ValidationError):
    """Some of the rows that were asked for cannot be read."""

    def __init__(self, rows: Sequence[UnreadableRow]) -> None:
        super().__init__("; ".join(f"{row.table} row {row.number}: {row.problem}" for row in rows[:3]))
        self.rows = rows


def decoded(table: str, rows: Iterable[Any], decode: Callable[[Any], T]) -> list[T]:
    """Decode rows with the columns `number` and `doc` (bytes); of several tables where they have a column `source`.

    Raises RowsUnreadable, with all that cannot be.
    """
    values, unreadable = [], []
    for row in rows:
        try:
            values.append(decode(row))
        except _FAULTS as err:
            source = row["source"] if "source" in row.keys() else table  # noqa: SIM118 - a row is no mapping
            problem = _QUOTED.sub("'…'", f"{type(err).__name__}: {err}")
            unreadable.append(UnreadableRow(source, row["number"], row["doc"], problem))
    if unreadable:
        raise RowsUnreadable(unreadable)
    return values


def set_aside(connection: sqlite3.Connection, rows: Sequence[UnreadableRow]) -> int:
    """Move rows away and say so; return how many there still were. Part of a transaction."""
    return sum(_set_aside(connection, row) for row in rows)


def _set_aside(connection: sqlite3.Connection, row: UnreadableRow) -> bool:
    number, task_id = TABLES[row.table]
    names = {"table": row.table, "key": number, "task_id": task_id}
    bound = {"number": row.number, "doc": row.document}
    named = connection.execute(QUERIES["name_row"].format(**names), bound).fetchone()
    moved = connection.execute(QUERIES["set_aside"].format(**names), bound).rowcount > 0
    connection.execute(QUERIES["remove_set_aside"].format(**names), bound)
    if moved:
        log.error(
            "a row cannot be read; it is set aside until the next start, and the others are served",
            table=row.table,
            row=row.number,
            task_id=named[0].decode(errors="replace"),
            problem=row.problem,
        )
    return moved


def put_back(connection: sqlite3.Connection) -> None:
    """Try the rows again that were set aside."""
    connection.execute("BEGIN IMMEDIATE")
    for table in TABLES:
        connection.execute(QUERIES["put_back"].format(table=table))
        connection.execute(QUERIES["remove_put_back"].format(table=table))
    connection.execute("COMMIT")


def is_task_aside(connection: sqlite3.Connection, task_id: str) -> bool:
    """Tell whether there is such a Task that cannot be read."""
    return bool(connection.execute(QUERIES["is_aside"], {"id": task_id}).fetchone()[0])
