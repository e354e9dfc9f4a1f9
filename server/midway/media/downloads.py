"""Downloads pictures from Discord into files; callers that ask for the same picture share one download."""

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

# Downloads a Task's picture to a file. Raises NotFound when it is gone for good, OSError when the disk fails,
# Unavailable when another try may continue from what was downloaded. It has its own time-outs, on progress rather than
# on the total time.
Fetch = Callable[[Task, PartialFile], Awaitable[None]]
# Creates an empty file. Raises OSError.
NewFile = Callable[[], Path]
# Gives a complete file its final name and returns it. Raises OSError; then the file is deleted.
Keep = Callable[[Task, Path], Path]

MOST_INTERRUPTED = 4  # partial pictures that stay on disk for the next try

_Key = tuple[TaskId, str, bool]


@dataclass(frozen=True, slots=True)
class _Downloaded:
    path: Path
    is_kept: bool


@dataclass(slots=True)
class _Download:
    """A download that runs, or has ended while callers still need its file."""

    running: asyncio.Task[_Downloaded]
    needed_by: int = 0  # callers
    runs_alone: bool = False  # it has been left running without a caller


class Downloads:
    """Runs downloads for its callers. Unless the picture is to be kept, a download ends with its last caller.

    Then its file is deleted.
    """

    def __init__(
        self, fetch: Fetch, new_file: NewFile, keep: Keep | None, *, max_concurrent: int, outlasts: bool = True
    ) -> None:
        """Create files with `new_file`; final pictures are passed to `keep`, if there is one.

        With `outlasts`, downloads of final pictures go on to their end even without a caller.
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
        """Yield the file of a Task's picture; it must be opened before the context ends. Raises what `Fetch` raises."""
        key = (task.id, task.image.unsigned_url if task.image else "", task.has_final_picture)
        download = self._shared.get(key) or self._start(key, task)
        download.needed_by += 1
        try:
            yield (await asyncio.shield(download.running)).path
        finally:
            download.needed_by -= 1
            if not download.needed_by and not self._left_running(key, download):
                del self._shared[key]  # before any await: no caller may join it now
                await self._end(download)

    def _start(self, key: _Key, task: Task) -> _Download:
        running = asyncio.create_task(self._fetched(key, task), name=f"picture-{task.id}")
        download = self._shared[key] = _Download(running)
        return download

    def _left_running(self, key: _Key, download: _Download) -> bool:
        """Leave a download running whose picture will be kept: over a slow line it takes longer than clients wait.

        Returns whether it runs on.
        """
        if download.running.done() or not (self._outlasts and self._keeps(key)):
            return False

        def ended(running: asyncio.Task[_Downloaded]) -> None:
            if not download.needed_by and self._shared.get(key) is download:
                del self._shared[key]
            if not running.cancelled():
                running.exception()  # mark it as retrieved; the next caller tries again

        if not download.runs_alone:
            download.runs_alone = True
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
                await self._keep_partial(key, file)
                raise
            except BaseException:
                await _discard(file.path)
                raise
            return _Downloaded(file.path, is_kept=False)

    async def _keep_partial(self, key: _Key, file: PartialFile) -> None:
        """Keep a partial picture for the next try; delete the oldest when there are more than MOST_INTERRUPTED."""
        if not (self._keep and file.etag):
            await _discard(file.path)
            return
        self._interrupted[key] = file
        if len(self._interrupted) > MOST_INTERRUPTED:
            oldest = next(iter(self._interrupted))
            await _discard(self._interrupted.pop(oldest).path)


async def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):  # the next start deletes it
        await asyncio.to_thread(path.unlink, missing_ok=True)
