"""Bytes in a temporary file without a name, which the system frees when the process ends, however it ends."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

CHUNK = 256 << 10  # bytes read at a time


class BlobStore:
    """One temporary file to which everything is appended; any thread may write and read.

    The file has no name from the start, so that the system frees it even after kill -9. Nothing is freed before:
    `Files.clear` starts a new store; the old one is freed with the last Blob that refers to it.
    """

    def __init__(self) -> None:
        descriptor, path = tempfile.mkstemp(prefix="discord-simulator-")
        Path(path).unlink()
        self._descriptor = descriptor
        self._end = 0
        self._lock = Lock()
        weakref.finalize(self, os.close, descriptor)

    def write(self, data: bytes) -> Blob:
        """Append. Raises OSError when the disk is full."""
        with self._lock:
            start, self._end = self._end, self._end + len(data)
        rest, place = memoryview(data), start
        while rest:
            written = os.pwrite(self._descriptor, rest, place)
            rest, place = rest[written:], place + written
        return Blob(self, start, len(data))

    def read(self, start: int, count: int) -> bytes:
        """Read so many bytes from an offset; fewer only at the end of the file."""
        return os.pread(self._descriptor, count, start)


@dataclass(frozen=True)
class Blob:
    """Where some bytes lie in a store."""

    store: BlobStore
    start: int
    size: int

    def read(self) -> bytes:
        """Read all of them."""
        return self.store.read(self.start, self.size)

    def chunks(self, first: int, last: int) -> Iterator[bytes]:
        """Read the bytes from the first to the last, both counted from 0 and included, piece by piece."""
        for place in range(first, last + 1, CHUNK):
            yield self.store.read(self.start + place, min(CHUNK, last + 1 - place))
