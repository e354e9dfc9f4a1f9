"""A partly downloaded file."""

import asyncio
import os
from pathlib import Path


class PartialFile:
    """What has been downloaded of a file, so that a later attempt can resume.

    The file is not kept open between calls. Calls do their disk I/O in a thread and raise OSError. Not for concurrent
    use. If a call was cancelled or has raised, the file's content is undefined: discard it.
    """

    def __init__(self, path: Path) -> None:
        """Take over an empty file."""
        self.path = path
        self.size = 0  # bytes so far
        self.total: int | None = None  # bytes of the whole file; None until the CDN says
        self.etag = ""  # strong ETag of the file that these bytes are part of; blank: it cannot be resumed
        self.is_whole = False

    async def begin(self, etag: str, total: int | None) -> None:
        """Discard the content, and start a file with this ETag and length in bytes."""
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
