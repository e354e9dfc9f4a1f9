"""Checks that the database's open files are still the ones at their paths.

SQLite goes on writing to a file that was unlinked or replaced, without an error, and those writes are lost when the
process ends. So the writer checks before and after each commit. The check only calls stat and opens nothing, because
closing any descriptor of a database file releases all the locks that SQLite holds on it.
"""

import os
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

COMPANIONS = ("-wal", "-shm", ".lock")  # the log, the connections' shared memory, and the process lock


class Identity(NamedTuple):
    """Identifies a file independently of its path."""

    device: int
    inode: int


class DatabaseFiles:
    """The database's files as they were opened. Used by the writer's thread only, save for `displaced`."""

    def __init__(self, database: Path) -> None:
        """Remember which files are at the paths. Call it while the database is open, so that they are its own."""
        self._database = database
        paths = [database, *(database.with_name(database.name + end) for end in COMPANIONS)]
        self._opened = {path: found for path in paths if (found := _identity(path))}
        self.displaced: tuple[Path, ...] = ()  # at the last check

    def check(self) -> tuple[Path, ...]:
        """Return the paths whose file is missing or another one; a change is logged."""
        displaced = tuple(path for path, opened in self._opened.items() if _identity(path) != opened)
        if displaced != self.displaced:
            self.displaced = displaced
            self._log_change()
        return displaced

    def _log_change(self) -> None:
        files = [str(path) for path in self.displaced]
        if not self.displaced:
            log.warning("the database's files are back; writes are stored again", database=str(self._database))
        elif self._database in self.displaced:
            log.critical(
                "the database was taken away or replaced; nothing is stored until that file is back",
                files=files,
                hint="put it back; or, while this process runs, copy what it has stored and start anew with the copy",
                stored_in=_open_file(self._opened[self._database]),
            )
        else:
            log.critical(
                "files beside the database were taken away or replaced; nothing is stored until they are back",
                files=files,
                hint="stop the server with SIGTERM and start it anew; the database itself has all that was stored",
            )


def _identity(path: Path) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - cheaper than Path.stat, and called twice for each commit
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)


def _open_file(identity: Identity) -> str:
    """Return the path under /proc of a file that this process has open; "" where there is none."""
    descriptors = Path(f"/proc/{os.getpid()}/fd")
    try:
        return next((str(link) for link in descriptors.iterdir() if _identity(link) == identity), "")
    except OSError:
        return ""
