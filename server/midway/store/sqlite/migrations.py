"""Forward-only changes of the schema: `sql/migrations/NNNN_title.sql`, applied in order, each in one transaction.

The number of the last one applied is the database's `user_version`. A released file is never edited.
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
    """One migration; `script` holds statements without BEGIN or COMMIT."""

    number: int
    script: str


def load(folder: Traversable = SQL_FILES / "migrations") -> list[Migration]:
    """Read the migrations in order; raise ValueError when the numbers are not 1, 2, 3 and so on."""
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    steps = [Migration(int(name.partition("_")[0]), (folder / name).read_text(encoding="utf-8")) for name in names]
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3, …: {names}")
    return steps


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> None:
    """Bring the schema up to the last migration; raise DatabaseTooNew when it has later ones."""
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
