"""The lock that lets only one process open a database.

SQLite would let several processes write in turn, but Midway's revisions, doorbells and slots assume a single one.
"""

import fcntl
import os
from pathlib import Path

from midway.store.sqlite.errors import DatabaseInUse


class ProcessLock:
    """Held from construction to `release`; the kernel releases it when the process dies.

    The lock file is never removed: otherwise two processes could each lock a different file of the same name.
    """

    def __init__(self, database: Path) -> None:
        """Lock the file next to the database; raise DatabaseInUse when another process holds the lock."""
        self._file = os.open(database.with_name(f"{database.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise DatabaseInUse(database, holder) from err
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Release the lock."""
        os.close(self._file)
