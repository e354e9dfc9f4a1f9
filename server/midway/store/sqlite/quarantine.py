"""Rows that cannot be read: found where rows are decoded, named in the log, and quarantined: moved to another table.

A column may be garbled, or a document hold a word of a later version. Each start tries the rows again that an earlier
one quarantined; those that still cannot be read are met and quarantined anew.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import structlog
from msgspec import Struct, ValidationError

from midway.store.sqlite.queries import QUERIES

T = TypeVar("T")
log = structlog.get_logger(__name__)

# What decoding a row may raise. ValueError: a column of another type, or a document that is not JSON, not UTF-8, or
# lacks fields.
FAULTS = (ValueError, OverflowError, RecursionError)
_QUOTED = re.compile(r"'.*'", re.DOTALL)  # a value, as msgspec's messages quote it


class _Columns(NamedTuple):
    """A table's names for a row's unique number and for the id of the row's Task."""

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
    """A row that cannot be read."""

    table: str
    number: Any  # normally an int; a dead letter's revision may itself be what cannot be read
    document: Any
    problem: str  # without the row's content


class RowsUnreadable(ValidationError):
    """Some of the rows that were asked for cannot be read."""

    def __init__(self, rows: Sequence[UnreadableRow]) -> None:
        super().__init__("; ".join(f"{row.table} row {row.number}: {row.problem}" for row in rows[:3]))
        self.rows = rows


def decoded(table: str, rows: Iterable[Any], decode: Callable[[Any], T]) -> list[T]:
    """Decode rows with the columns `number` and `doc` (bytes); a column `source`, if any, names each row's table.

    Raises RowsUnreadable with all rows that cannot be read.
    """
    values, unreadable = [], []
    for row in rows:
        try:
            values.append(decode(row))
        except FAULTS as err:
            source = row["source"] if "source" in row.keys() else table  # noqa: SIM118 - a sqlite3.Row is no mapping
            unreadable.append(UnreadableRow(source, row["number"], row["doc"], _problem(err)))
    if unreadable:
        raise RowsUnreadable(unreadable)
    return values


def readable(table: str, rows: Iterable[Any], decode: Callable[[Any], T]) -> Iterator[T]:
    """Decode rows; one that cannot be read is logged and skipped, and stays in its table."""
    for row in rows:
        try:
            value = decode(row)
        except FAULTS as err:
            problem = _problem(err)
            log.error("a row cannot be read; it is skipped", table=table, problem=problem)  # noqa: TRY400 - a traceback would quote the row
        else:
            yield value


def _problem(err: Exception) -> str:
    """Describe the error without the row's content."""
    return _QUOTED.sub("'…'", f"{type(err).__name__}: {err}")


def quarantine_rows(connection: sqlite3.Connection, rows: Sequence[UnreadableRow]) -> int:
    """Move rows away and say so; return how many there still were. Part of a transaction."""
    return sum(_quarantine_row(connection, row) for row in rows)


def _quarantine_row(connection: sqlite3.Connection, row: UnreadableRow) -> bool:
    number, task_id = TABLES[row.table]
    names = {"table": row.table, "key": number, "task_id": task_id}
    bound = {"number": row.number, "doc": row.document}
    named = connection.execute(QUERIES["name_row"].format(**names), bound).fetchone()
    moved = connection.execute(QUERIES["quarantine_row"].format(**names), bound).rowcount > 0
    connection.execute(QUERIES["remove_quarantined"].format(**names), bound)
    if moved:
        log.error(
            "a row cannot be read; it is set aside until the next start, and the others are served",
            table=row.table,
            row=row.number if isinstance(row.number, int) else None,
            task_id=named[0].decode() if named[0].isdigit() else None,  # a corrupt one may be anything
            problem=row.problem,
        )
    return moved


def restore_rows(connection: sqlite3.Connection) -> None:
    """Try the rows again that were quarantined; one that its table does not take stays in quarantine."""
    connection.execute("BEGIN IMMEDIATE")
    for table, columns in TABLES.items():
        rows = connection.execute(QUERIES["quarantined_rows"].format(table=table, key=columns.number)).fetchall()
        for number, is_numbered in rows:
            if not (is_numbered and _restore_row(connection, table, number)):
                log.error("a row that was set aside cannot be put back; it stays there", table=table, row=number)
    connection.execute("COMMIT")


def _restore_row(connection: sqlite3.Connection, table: str, number: int) -> bool:
    bound = {"number": number}
    try:
        connection.execute(QUERIES["restore_row"].format(table=table), bound)
    except sqlite3.IntegrityError:  # a value of another type, or none
        return False
    connection.execute(QUERIES["remove_restored"].format(table=table), bound)
    return True


def is_task_quarantined(connection: sqlite3.Connection, task_id: str) -> bool:
    """Tell whether there is such a Task that cannot be read."""
    return bool(connection.execute(QUERIES["is_quarantined"], {"id": task_id}).fetchone()[0])
