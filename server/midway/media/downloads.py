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

MOST_INTERRUPTED = 4  # half pictures that lie on the disk until somebody tries again

_Key = tuple[TaskId, str, bool]


@dataclass(frozen=True, slots=True)
class _Downloaded:
    path: Path
    is_kept: bool


@dataclass(slots=True)
class _Download:
    """A download that runs or has ended, for as long as somebody needs its file."""

    running: asyncio.Task[_Downloaded]
    needed_by: int = 0
    goes_on: bool = False  # although somebody left


class Downloads:
    """Runs downloads for those who wait; one whose picture is not to be kept ends with them, and its file is gone."""

    def __init__(
        self, fetch: Fetch, new_file: NewFile, keep: Keep | None, *, max_concurrent: int, outlasts: bool = True
    ) -> None:
        """Make files by `new_file`; final pictures are handed to `keep`, if there is one.

        With `outlasts` those come to their end although nobody waits any more.
        """
        self._fetch = fetch
        self._new_file = new_file
        self._keep = keep
        self._outlasts = outlasts
        self._slots = asyncio.Semaphore(max_concurrent)
        self._shared: dict[_Key, _Download] = {}
        self._interrupted: dict[_Key, PartialFile] = {}  # the oldest first

    @asynccontextmanager
    async def picture(self, task: Task) -> AsyncIterator[Path]:
        """Give the file of a Task's picture, to be opened while the context is. Raises as `Fetch`."""
        key = (task.id, task.image.unsigned_url if task.image else "", task.has_final_picture)
        download = self._shared.get(key) or self._start(key, task)
        download.needed_by += 1
        try:
            yield (await asyncio.shield(download.running)).path
        finally:
            download.needed_by -= 1
            if not download.needed_by and not self._goes_on(key, download):
                del self._shared[key]  # before any wait: nobody may join it now
                await self._end(download)

    def _start(self, key: _Key, task: Task) -> _Download:
        running = asyncio.create_task(self._fetched(key, task), name=f"picture-{task.id}")
        download = self._shared[key] = _Download(running)
        return download

    def _goes_on(self, key: _Key, download: _Download) -> bool:
        """Let what will be kept come to its end although nobody waits: a slow line outlasts the patience of clients."""
        if download.running.done() or not (self._outlasts and self._keeps(key)):
            return False

        def ended(running: asyncio.Task[_Downloaded]) -> None:
            if not download.needed_by and self._shared.get(key) is download:
                del self._shared[key]
            if not running.cancelled():
                running.exception()  # it was told to nobody, and the next who asks tries again

        if not download.goes_on:
            download.goes_on = True
            download.running.add_done_callback(ended)
        return True

    def _keeps(self, key: _Key) -> bool:
        _, _, is_final = key
        return is_final and self._keep is not None

    async def _end(self, download: _Download) -> None:
        running = download.running
        running.cancel()
        await asyncio.wait([running])
        if running.cancelled() or running.exception() is not None:
            return
        downloaded = running.result()
        if not downloaded.is_kept:
            await _discard(downloaded.path)

    async def _fetched(self, key: _Key, task: Task) -> _Downloaded:
        async with self._slots:
            file = self._interrupted.pop(key, None) or PartialFile(await asyncio.to_thread(self._new_file))
            try:
                await self._fetch(task, file)
                if self._keep and task.has_final_picture:
                    return _Downloaded(await asyncio.to_thread(self._keep, task, file.path), is_kept=True)
            except Unavailable:
                await self._put_aside(key, file)
                raise
            except BaseException:
                await _discard(file.path)
                raise
            return _Downloaded(file.path, is_kept=False)

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
