"""Opening the database file: what is refused, what is checked, and how each connection is set."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from midway.outbound.address import Place, place_of
from midway.store.sqlite.columns import text_or_bytes
from midway.store.sqlite.errors import DatabaseDamaged, DatabaseForeign
from midway.store.sqlite.migrations import load, migrate
from midway.store.sqlite.quarantine import restore_rows

APPLICATION_ID = 0x4D696477  # "Midw"; a migration writes it
OUR_FIRST_TABLES = frozenset(
    {"account_mark", "attempt", "counter", "input", "outbox", "request", "task", "task_history"}
)

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

    Raises DatabaseForeign, DatabaseDamaged or DatabaseTooNew. The caller holds the process lock.
    """
    with ExitStack() as undo:
        stopped_cleanly = not _log_of(path).exists()
        connection = undo.enter_context(closing(_connect_writer(path)))
        if not stopped_cleanly:
            _require_sound(connection, path)
        migrate(connection, path, load())
        restore_rows(connection)
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
    connection = _connect(path)
    _set(connection, *_SETTINGS, *_READER_SETTINGS)
    return connection


def _connect_writer(path: Path) -> sqlite3.Connection:
    with ExitStack() as undo:
        connection = undo.enter_context(closing(_connect(path)))
        try:
            _require_ours(connection, path)
            _set(connection, *_SETTINGS, *_WRITER_SETTINGS)
        except sqlite3.OperationalError:
            raise  # the disk's refusal, not the file's content
        except sqlite3.DatabaseError as err:
            raise DatabaseDamaged(path, [str(err)]) from err
        undo.pop_all()
    return connection


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseForeign when another program made the file. Nothing was written to it by then."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    is_empty = not tables
    is_old = set(tables) >= OUR_FIRST_TABLES  # from before we gave it our id
    if application_id != APPLICATION_ID and (application_id or not (is_empty or is_old)):
        raise DatabaseForeign(path, application_id, tables)


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are begun by hand (isolation_level None). One thread at a time uses a connection, not always
    # the one that opened it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.text_factory = text_or_bytes
    # For a notice that comes into the outbox.
    connection.create_function("host_of", 1, lambda url: _place_of(url).host, deterministic=True)
    connection.create_function("domain_of", 1, lambda url: _place_of(url).domain, deterministic=True)
    return connection


def _place_of(url: str | bytes) -> Place:
    """Tell where an address leads; bytes, of a row that is there already, need be no text."""
    return place_of(url.decode(errors="replace") if isinstance(url, bytes) else url)


def _set(connection: sqlite3.Connection, *settings: str) -> None:
    for setting in settings:
        connection.execute(setting)


def make_private_folder(path: Path) -> None:
    """Make the file's folder when it is not there, for this user alone: prompts and pictures are private."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o700)
