"""Tasks on disk: `port` says what every Store promises, and `open` opens the one that a URL names."""

from midway.store.opener import MEMORY, SQLITE, UnknownStore, open, sqlite_url  # noqa: A004 - as with gzip.open, its module's name is said with it

__all__ = ["MEMORY", "SQLITE", "UnknownStore", "open", "sqlite_url"]
