"""The lock that keeps a database to one process.

SQLite would let several processes write in turn; Midway's revisions, doorbell and slots would not survive it.
"""

import fcntl
import os
from pathlib import Path

from midway.store.sqlite.errors import DatabaseInUse


class ProcessLock:
    """Held from making to `release`; the kernel releases it when the process dies.

    The lock file stays behind on purpose: removing it would let two processes each lock a file of that name.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock beside the database; raise DatabaseInUse when another process has it."""
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
        """Let the next process in."""
        os.close(self._file)
