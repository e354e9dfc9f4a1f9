"""Opening the database file: what is refused, what is checked, and how each connection is set."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from midway.store.sqlite.errors import DatabaseDamaged
from midway.store.sqlite.migrations import load, migrate

# Each with its reason; on every connection.
_SETTINGS = (
    "PRAGMA busy_timeout = 5000",  # ms; an operator's sqlite3 shell may hold the file for a moment
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
)
_WRITER_SETTINGS = (
    "PRAGMA synchronous = FULL",  # a commit is on the disk when it returns; WAL's default NORMAL would not wait
    "PRAGMA journal_size_limit = 67108864",  # bytes; give back what a burst of pictures made of the log
)
_READER_SETTINGS = (
    "PRAGMA query_only = ON",  # a write through a reader is a defect, and fails
    "PRAGMA cache_size = -16000",  # kB; holds the inner pages of a million Tasks, which 2000 do not
)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; check it after an unclean stop; bring its schema up to date.

    Raises DatabaseDamaged or DatabaseTooNew. The caller holds the process lock.
    """
    with ExitStack() as undo:
        stopped_cleanly = not _log_of(path).exists()
        connection = undo.enter_context(closing(_connect_writer(path)))
        if not stopped_cleanly:
            _require_sound(connection, path)
        migrate(connection, path, load())
        undo.pop_all()
    return connection


def _log_of(path: Path) -> Path:
    """Name the write-ahead log: SQLite removes it when the last connection closes, so one that lies there tells."""
    return path.with_name(f"{path.name}-wal")


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseDamaged with what SQLite found wrong."""
    faults = [fault for (fault,) in connection.execute("PRAGMA quick_check(10)") if fault != "ok"]
    if faults:
        raise DatabaseDamaged(path, faults)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    return _connect(path, *_SETTINGS, *_READER_SETTINGS)


def _connect_writer(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path, *_SETTINGS, *_WRITER_SETTINGS)
    except sqlite3.OperationalError:
        raise  # the disk's refusal, not the file's content
    except sqlite3.DatabaseError as err:
        raise DatabaseDamaged(path, [str(err)]) from err


def _connect(path: Path, *settings: str) -> sqlite3.Connection:
    # Transactions are begun by hand (isolation_level None). One thread at a time uses a connection, not always
    # the one that opened it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for setting in settings:
        connection.execute(setting)
    return connection


def make_private_folder(path: Path) -> None:
    """Make the file's folder when it is not there, for this user alone: prompts and pictures are private."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o700)
