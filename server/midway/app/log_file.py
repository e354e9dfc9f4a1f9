"""A log file with rotation that survives a full disk."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class LogSize:
    """How much of one program's output is kept."""

    max_bytes: int = 20 * MEGABYTE  # per file; only a line that has been begun may exceed it
    files: int = 5  # the newest NAME.log, the others NAME.log.1 and so on


class LogFile:
    """Stores a program's output. Never raises: bytes that cannot be written are counted, and logged later."""

    def __init__(self, path: Path, size: LogSize) -> None:
        """The file is opened at the first write."""
        self._path = path
        self._limit = size
        self._descriptor: int | None = None
        self._size = 0  # of the current file
        self._in_line = False  # the current file does not end with a newline
        self._dropped = 0  # bytes

    def write(self, data: bytes) -> None:
        """Append; start a new file if this one is full."""
        try:
            if self._descriptor is None:
                self._open()
            if self._dropped:
                self._tell_dropped()
            while data:
                data = data[self._append(data[: self._end_of_this_file(data)]) :]
                if data and self._end_of_this_file(data) == 0:
                    self._rotate()
        except OSError:
            self._dropped += len(data)
            self.close()  # the next write opens it again

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _end_of_this_file(self, data: bytes) -> int:
        """Return how many bytes still go into this file: whole lines, and the rest of one already begun in it."""
        room = self._limit.max_bytes - self._size
        if len(data) <= room:
            return len(data)
        end = data.rfind(b"\n", 0, max(room, 0)) + 1
        if end == 0 and room >= 0 and (self._in_line or self._size == 0):
            end = data.find(b"\n") + 1 or len(data)
        return end

    def _open(self, flags: int = os.O_APPEND) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags |= os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, OWNER_ONLY)
        self._size = os.fstat(self._descriptor).st_size

    def _tell_dropped(self) -> None:
        notice = b"\n" * self._in_line + f"{self._dropped} bytes of log were dropped\n".encode()
        if self._append(notice) < len(notice):
            raise OSError(errno.ENOSPC, "the notice was written only partly")
        self._dropped = 0

    def _append(self, data: bytes) -> int:
        """Write as many bytes as the disk accepts, at least one if there are any; return how many."""
        assert self._descriptor is not None
        written = os.write(self._descriptor, data)
        self._size += written
        if written:
            self._in_line = data[written - 1 : written] != b"\n"
        return written

    def _rotate(self) -> None:
        """Start a new file; the oldest is deleted."""
        self.close()
        try:
            for number in range(self._limit.files - 1, 0, -1):
                older = self._path if number == 1 else self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
        except OSError:  # the size limit must hold anyway, so the file is truncated
            self._dropped += self._size
        self._open(os.O_APPEND | os.O_TRUNC)
        self._in_line = False

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
