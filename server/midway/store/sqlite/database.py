"""Opens the database file: what is refused, what is checked, and each connection's settings."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from midway.outbound.address import Place, place_of
from midway.store.sqlite.columns import text_or_bytes
from midway.store.sqlite.errors import DatabaseDamaged, DatabaseForeign
from midway.store.sqlite.migrations import load, migrate
from midway.store.sqlite.quarantine import restore_rows

APPLICATION_ID = 0x4D696477  # "Midw"; written by a migration
OUR_FIRST_TABLES = frozenset(
    {"account_mark", "attempt", "counter", "input", "outbox", "request", "task", "task_history"}
)

# For every connection.
_SETTINGS = (
    "PRAGMA busy_timeout = 5000",  # ms; an operator's sqlite3 shell may hold the file for a moment
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
)
_WRITER_SETTINGS = (
    "PRAGMA synchronous = FULL",  # a commit is on the disk when it returns; with NORMAL it need not be
    "PRAGMA journal_size_limit = 67108864",  # bytes; shrinks the log again after a burst of input pictures
)
_READER_SETTINGS = (
    "PRAGMA query_only = ON",  # a write on a reading connection is a defect, and fails
    "PRAGMA cache_size = -16000",  # kB; holds the inner pages for a million Tasks, as the default of 2000 does not
)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file, or create it; check it after an unclean stop; bring its schema up to date.

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
    """Return the path of the write-ahead log. SQLite removes the log at a clean stop, so its presence tells of none."""
    return path.with_name(f"{path.name}-wal")


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseDamaged with what SQLite found wrong."""
    faults = [fault for (fault,) in connection.execute("PRAGMA quick_check(10)") if fault != "ok"]
    if faults:
        raise DatabaseDamaged(path, faults)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    connection = _connect(path)
    _configure(connection, *_SETTINGS, *_READER_SETTINGS)
    return connection


def _connect_writer(path: Path) -> sqlite3.Connection:
    with ExitStack() as undo:
        connection = undo.enter_context(closing(_connect(path)))
        try:
            _require_ours(connection, path)
            _configure(connection, *_SETTINGS, *_WRITER_SETTINGS)
        except sqlite3.OperationalError:
            raise  # an error of the disk, not damage in the file
        except sqlite3.DatabaseError as err:
            raise DatabaseDamaged(path, [str(err)]) from err
        undo.pop_all()
    return connection


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseForeign when another program made the file; nothing has been written to it yet."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    is_empty = not tables
    is_old = set(tables) >= OUR_FIRST_TABLES  # made before a migration wrote our id
    if application_id != APPLICATION_ID and (application_id or not (is_empty or is_old)):
        raise DatabaseForeign(path, application_id, tables)


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: BEGIN is written out. Only one thread at a time uses a connection, but not always the one
    # that opened it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.text_factory = text_or_bytes
    # Used when a notice is inserted into the outbox.
    connection.create_function("host_of", 1, lambda url: _place_of(url).host, deterministic=True)
    connection.create_function("domain_of", 1, lambda url: _place_of(url).domain, deterministic=True)
    return connection


def _place_of(url: str | bytes) -> Place:
    """Return a URL's host and domain; a stored URL may be bytes that are not valid UTF-8."""
    return place_of(url.decode(errors="replace") if isinstance(url, bytes) else url)


def _configure(connection: sqlite3.Connection, *settings: str) -> None:
    for setting in settings:
        connection.execute(setting)


def make_private_folder(path: Path) -> None:
    """Create the file's folder if it is missing, for this user only: prompts and pictures are private."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o700)
