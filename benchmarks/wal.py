"""How many bytes a server writes to its database's write-ahead log, read from the log's file by another process.

SQLite writes the log from its beginning again once all of it stands in the database; each such generation has salts of
its own, in the file's header and in each frame, and leaves the frames of the one before behind its own. So a generation
can be counted to its end when the next one has begun. https://sqlite.org/fileformat2.html#walformat
"""

import asyncio
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

HEADER = struct.Struct(">4I2I2I")  # magic, version, page size, number of the generation, salts, checksum
FRAME = struct.Struct(">2I2I2I")  # page, pages of the database after a commit, salts, checksum; then the page
EVERY_SECONDS = 0.05  # a thousand frames, as many as a generation has, take longer


class Generation(NamedTuple):
    """The log from one beginning to the next."""

    number: int
    salts: tuple[int, int]
    page_size: int


class LogMeter:
    """Counts what is written to the log inside an `async with` block; `written` holds the bytes until then.

    Raises RuntimeError at the block's end when a generation could not be counted to its end.
    """

    def __init__(self, database: Path) -> None:
        self._log = database.with_name(f"{database.name}-wal")
        self.written = 0

    async def __aenter__(self) -> Self:
        self._file = os.open(self._log, os.O_RDONLY)
        self._present = self._generation()
        self._frames = self._end(self._present, 0)  # that are counted of it
        self._following = asyncio.create_task(self._follow(), name="log meter")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._following.cancel()
        (failure,) = await asyncio.gather(self._following, return_exceptions=True)
        try:
            if isinstance(failure, Exception):
                raise failure
            self.look()
        finally:
            os.close(self._file)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.look()

    def look(self) -> None:
        """Count what was written since the last call. Raises RuntimeError if it has been overwritten."""
        now = self._generation()
        self._count()
        if now == self._present:
            return
        before, frames_before = self._present, self._frames
        self._present, self._frames = now, 0
        self._count()
        if now.number != before.number + 1 or self._frames >= frames_before:
            raise RuntimeError("the log was restarted before it was counted to its end: poll more often")

    def _count(self) -> None:
        end = self._end(self._present, self._frames)
        self.written += (end - self._frames) * (FRAME.size + self._present.page_size)
        self._frames = end

    def _generation(self) -> Generation:
        _, _, page_size, number, *salts, _, _ = HEADER.unpack(os.pread(self._file, HEADER.size, 0))
        return Generation(number, (salts[0], salts[1]), page_size)

    def _end(self, generation: Generation, after: int) -> int:
        """Tell how many frames a generation has, when it has so many at least."""
        size = FRAME.size + generation.page_size
        while len(header := os.pread(self._file, FRAME.size, HEADER.size + after * size)) == FRAME.size:
            _, _, *salts, _, _ = FRAME.unpack(header)
            if tuple(salts) != generation.salts:
                break
            after += 1
        return after
