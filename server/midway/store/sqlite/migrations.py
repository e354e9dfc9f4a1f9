"""Forward-only changes of the schema: `sql/migrations/NNNN_title.sql`, applied in order, each whole or not.

The number of the last one applied is the database's `user_version`. A file that was released is never edited.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from midway.store.sqlite.errors import DatabaseTooNew
from midway.store.sqlite.queries import SQL_FILES


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; `script` holds statements and no transaction of its own."""

    number: int
    script: str


def load(folder: Traversable = SQL_FILES / "migrations") -> list[Migration]:
    """Read the steps in order; raise ValueError when the numbers are not 1, 2, 3 and so on."""
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    steps = [Migration(int(name.partition("_")[0]), (folder / name).read_text(encoding="utf-8")) for name in names]
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3, …: {names}")
    return steps


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> None:
    """Bring the schema up to the last step; raise DatabaseTooNew when it is past it already."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise DatabaseTooNew(path, version, len(steps))
    for step in steps[version:]:
        _apply(connection, step)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    try:
        connection.executescript(f"BEGIN EXCLUSIVE;\n{step.script}\n;PRAGMA user_version = {step.number};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
