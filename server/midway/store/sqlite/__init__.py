"""The Store on one SQLite file: what a server uses unless it is told otherwise."""

from midway.store.sqlite.errors import (
    DatabaseDamaged,
    DatabaseForeign,
    DatabaseInUse,
    DatabaseTooNew,
    NetworkFileSystem,
)
from midway.store.sqlite.store import SqliteStore

__all__ = [
    "DatabaseDamaged",
    "DatabaseForeign",
    "DatabaseInUse",
    "DatabaseTooNew",
    "NetworkFileSystem",
    "SqliteStore",
]
