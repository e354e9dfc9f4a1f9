"""A file on its way from the CDN to the disk."""

import asyncio
import os
from pathlib import Path


class PartialFile:
    """What has come of a file so far, so that a later try goes on where this one ended.

    Nothing is held open between two calls; they block on the disk in a thread and raise OSError. For one task at a
    time. After a call was cancelled or has raised, what the file holds is not known: throw it away.
    """

    def __init__(self, path: Path) -> None:
        """Take over an empty file."""
        self.path = path
        self.size = 0  # bytes so far
        self.total: int | None = None  # bytes in the end; None while the CDN has not said
        self.etag = ""  # the content that these bytes are of, by a strong name; blank: no later try can go on
        self.is_whole = False

    async def begin(self, etag: str, total: int | None) -> None:
        """Forget what came; now a file of this name and length comes."""
        if self.size:
            await asyncio.to_thread(os.truncate, self.path, 0)
        self.size, self.total, self.etag, self.is_whole = 0, total, etag, False

    async def append(self, piece: bytes | bytearray) -> None:
        """Add the next bytes."""
        await asyncio.to_thread(self._write, piece)
        self.size += len(piece)

    def _write(self, piece: bytes | bytearray) -> None:
        with self.path.open("r+b") as file:
            file.seek(self.size)
            file.write(piece)
