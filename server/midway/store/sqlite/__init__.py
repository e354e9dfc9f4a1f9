"""The Store on one SQLite file: a server's default."""

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
