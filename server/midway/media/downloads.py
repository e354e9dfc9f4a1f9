"""Brings pictures from Discord into files, each once however many wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from midway.discord.partial_file import PartialFile
from midway.domain.errors import Unavailable
from midway.domain.ids import TaskId
from midway.domain.task import Task

# Brings a Task's picture to the disk. Raises NotFound when it cannot be had for good, OSError when the disk refuses,
# Unavailable when another try may go on from what came. It bounds its waits itself: by progress, not by total time.
Fetch = Callable[[Task, PartialFile], Awaitable[None]]
# Makes an empty file. Raises OSError.
NewFile = Callable[[], Path]
# Gives a whole file its lasting name and returns it. Raises OSError; then the file is gone.
Keep = Callable[[Task, Path], Path]

MOST_INTERRUPTED = 16  # half pictures that lie on the disk until somebody tries again

_Key = tuple[TaskId, str, bool]


@dataclass(frozen=True, slots=True)
class _Landed:
    path: Path
    is_kept: bool


@dataclass(slots=True)
class _Flight:
    """A download under way or landed, for as long as somebody needs its file."""

    running: asyncio.Task[_Landed]
    needed_by: int = 0


class Downloads:
    """Runs downloads for those who wait, and no longer than they do. Every file but a kept one is gone after that."""

    def __init__(self, fetch: Fetch, new_file: NewFile, keep: Keep | None, *, max_concurrent: int) -> None:
        """Make files by `new_file`; final pictures are handed to `keep`, if there is one."""
        self._fetch = fetch
        self._new_file = new_file
        self._keep = keep
        self._slots = asyncio.Semaphore(max_concurrent)
        self._flights: dict[_Key, _Flight] = {}
        self._interrupted: dict[_Key, PartialFile] = {}  # the oldest first

    @asynccontextmanager
    async def picture(self, task: Task) -> AsyncIterator[Path]:
        """Give the file of a Task's picture, to be opened while the context is. Raises as `Fetch`."""
        key = (task.id, task.image.unsigned_url if task.image else "", task.has_final_picture)
        flight = self._flights.get(key) or self._start(key, task)
        flight.needed_by += 1
        try:
            landed = await asyncio.shield(flight.running)
            yield landed.path
        finally:
            flight.needed_by -= 1
            if not flight.needed_by:
                del self._flights[key]  # before any wait: nobody may board now
                await self._end(flight)

    def _start(self, key: _Key, task: Task) -> _Flight:
        running = asyncio.create_task(self._fetched(key, task), name=f"picture-{task.id}")
        flight = self._flights[key] = _Flight(running)
        return flight

    async def _end(self, flight: _Flight) -> None:
        running = flight.running
        running.cancel()
        await asyncio.wait([running])
        if running.cancelled() or running.exception() is not None:
            return
        landed = running.result()
        if not landed.is_kept:
            await _discard(landed.path)

    async def _fetched(self, key: _Key, task: Task) -> _Landed:
        async with self._slots:
            file = self._interrupted.pop(key, None) or PartialFile(await asyncio.to_thread(self._new_file))
            try:
                await self._fetch(task, file)
                if self._keep and task.has_final_picture:
                    return _Landed(await asyncio.to_thread(self._keep, task, file.path), is_kept=True)
            except Unavailable:
                await self._put_aside(key, file)
                raise
            except BaseException:
                await _discard(file.path)
                raise
            return _Landed(file.path, is_kept=False)

    async def _put_aside(self, key: _Key, file: PartialFile) -> None:
        """Leave a half picture for the next try; the oldest of too many goes."""
        if not (self._keep and file.etag):
            await _discard(file.path)
            return
        self._interrupted[key] = file
        if len(self._interrupted) > MOST_INTERRUPTED:
            oldest = next(iter(self._interrupted))
            await _discard(self._interrupted.pop(oldest).path)


async def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):  # it is cleared away at the next start
        await asyncio.to_thread(path.unlink, missing_ok=True)
