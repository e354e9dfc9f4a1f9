"""Whether the files that are open still stand at their paths.

SQLite goes on writing into a file that was unlinked or replaced, and says nothing: what is stored then is gone with
the process. So the writer looks before and after each commit. It asks for the file at the path and compares; it opens
nothing, since closing any descriptor of a database's file gives up all the locks that SQLite has on it.
"""

import os
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

COMPANIONS = ("-wal", "-shm", ".lock")  # the log, what connections share, and the lock that keeps it to one process


class Identity(NamedTuple):
    """Which file it is, whatever its name."""

    device: int
    inode: int


class DatabaseFiles:
    """The database's files as they were opened. Used by the writer's thread only, save for `displaced`."""

    def __init__(self, database: Path) -> None:
        """Remember which files stand there. Call it while the database is open: then all of them are its own."""
        self._database = database
        paths = [database, *(database.with_name(database.name + end) for end in COMPANIONS)]
        self._opened = {path: found for path in paths if (found := _identity(path))}
        self.displaced: tuple[Path, ...] = ()  # as seen last

    def look(self) -> tuple[Path, ...]:
        """Return the paths at which another file stands, or none; a change is logged."""
        displaced = tuple(path for path, opened in self._opened.items() if _identity(path) != opened)
        if displaced != self.displaced:
            self.displaced = displaced
            self._tell()
        return displaced

    def _tell(self) -> None:
        files = [str(path) for path in self.displaced]
        if not self.displaced:
            log.warning("the database's files are back in their place; it stores again", database=str(self._database))
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
        found = os.stat(path)  # noqa: PTH116 - as often as there are commits, and cheaper so
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)


def _open_file(identity: Identity) -> str:
    """Name the file under which Linux shows a file that this process has open; "" where it shows none."""
    descriptors = Path(f"/proc/{os.getpid()}/fd")
    try:
        return next((str(link) for link in descriptors.iterdir() if _identity(link) == identity), "")
    except OSError:
        return ""
