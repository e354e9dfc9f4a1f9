"""Follows the Store and keeps every final picture; opens pictures for callers."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from midway.domain.errors import NotFound, Reason, Unavailable
from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.engine.clock import Clock, SystemClock
from midway.media.archive import Archive, Retention, new_part
from midway.media.downloads import Downloads, Fetch
from midway.media.open_picture import OpenPicture, open_picture, opened_in_thread
from midway.store.port import StoreUnavailable, TaskStore
from midway.store.watch import TasksStream, Watch

log = structlog.get_logger(__name__)

STORE_PAUSE = timedelta(seconds=1)  # before the next try when the store fails
MOST_PENDING = 1000  # Tasks whose picture is not kept yet; at this many, no further Tasks are read


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperRules:
    """How pictures are fetched."""

    first_delay: timedelta = timedelta(seconds=2)  # after a failed try; doubled after each further one
    longest_delay: timedelta = timedelta(hours=1)
    max_tries: int = 24  # about half a day; after that, a picture is still fetched on demand
    max_concurrent: int = 4  # downloads in the background, which no caller waits for
    max_downloads: int = 16  # of all kinds; further callers wait
    bookmark_every: timedelta = timedelta(seconds=2)  # with an older bookmark, the next start only checks more Tasks
    prune_every: timedelta = timedelta(minutes=10)  # in between, the archive may exceed its limits


class ArchiveKeeper:
    """Keeps final pictures as they appear, and those that appeared while it was not running.

    `fetch` downloads a picture from Discord to a file.
    """

    def __init__(
        self,
        store: TaskStore,
        watch: Watch,
        archive: Archive,
        fetch: Fetch,
        *,
        retention: Retention | None = None,
        rules: KeeperRules | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._watch = watch
        self._archive = archive
        self._retention = retention or Retention()
        self._rules = rules or KeeperRules()
        self._clock = clock or SystemClock()
        most = self._rules.max_downloads
        self._downloads = Downloads(fetch, archive.new_part, self._keep, max_concurrent=most)
        # Used when the archive's disk fails: files go to the system's temporary directory and are not kept.
        self._temporary = Downloads(fetch, _new_temporary_part, None, max_concurrent=most)
        self._fetching = asyncio.Semaphore(self._rules.max_concurrent)
        # Written by `run` and the asyncio tasks it starts: the revision of each Task whose picture is not kept yet.
        self._pending: dict[TaskId, Revision] = {}
        self._room: asyncio.Semaphore  # bounds `_pending`
        self._stream: TasksStream  # of Tasks with a final picture
        self._bookmark = Revision(0)  # as last written

    @asynccontextmanager
    async def open(self, task: Task) -> AsyncIterator[OpenPicture]:
        """Open a Task's picture: the kept one, or else fetch it now (and keep it if it is final).

        Callers that ask for the same picture share one download. A preview's file is deleted when it is closed.
        Raises NotFound (IMAGE_NOT_AVAILABLE) when there is none, Unavailable when Discord does not deliver it now or no
        disk can store it.
        """
        picture = await self._opened(task)
        try:
            yield picture
        finally:
            picture.file.close()

    @asynccontextmanager
    async def file(self, task: Task) -> AsyncIterator[Path]:
        """Yield the file of a Task's picture, fetched now unless it is kept.

        A kept file may be deleted by pruning at any time. Raises what `open` raises, and OSError.
        """
        kept = await asyncio.to_thread(self._archive.find, task.id)
        if kept is not None:
            yield kept
            return
        async with self._downloads.picture(task) as path:
            yield path

    async def _opened(self, task: Task) -> OpenPicture:
        try:
            kept = await opened_in_thread(partial(self._archive.open, task.id))
            return kept or await _fetched(task, self._downloads)
        except OSError:  # the archive's disk fails, but the picture can still be delivered
            return await self._opened_without_archive(task)

    async def _opened_without_archive(self, task: Task) -> OpenPicture:
        try:
            return await _fetched(task, self._temporary)
        except OSError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"no disk takes the picture: {err.strerror}") from err

    def _keep(self, task: Task, part: Path) -> Path:
        return self._archive.keep(task.id, part, _claimed_type(task))

    async def run(self) -> None:
        """Keep pictures until cancelled; the next run continues where this one stopped."""
        self._pending.clear()
        self._room = asyncio.Semaphore(MOST_PENDING)
        self._bookmark = await self._first_revision()
        self._stream = self._watch.watch_all(self._bookmark, self._wants)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_bookmark_regularly(), name="media-bookmark")
            if not self._retention.keeps_all:
                group.create_task(self._prune_regularly(), name="media-prune")
            while True:
                await self._start(await self._next(), group)

    async def _first_revision(self) -> Revision:
        """Return the bookmark, or 0 when it is newer than the Store and so belongs to another database."""
        bookmark = await asyncio.to_thread(self._archive.bookmark)
        return bookmark if bookmark <= await self._store.revision() else Revision(0)

    async def _next(self) -> Task:
        """Return the next Task that has its final picture; retry until the store answers."""
        while True:
            try:
                return await anext(self._stream)
            except StoreUnavailable:
                await asyncio.sleep(STORE_PAUSE.total_seconds())

    def _wants(self, task: Task) -> bool:
        """Tell whether there is a final picture that pruning would not delete at once."""
        if not task.has_final_picture:
            return False
        max_age = self._retention.max_age
        return max_age is None or task.finished_at is None or self._clock.now() - task.finished_at <= max_age

    async def _start(self, task: Task, group: asyncio.TaskGroup) -> None:
        if task.id in self._pending:
            return
        self._pending[task.id] = task.revision  # before any await: the bookmark must not pass it
        await self._room.acquire()
        group.create_task(self._keep_with_retries(task.id), name=f"media-{task.id}")

    async def _write_bookmark_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._rules.bookmark_every.total_seconds())
            await self._write_bookmark()

    async def _write_bookmark(self) -> None:
        """Move the bookmark to before the first Task whose picture is not kept yet."""
        bookmark = min((Revision(revision - 1) for revision in self._pending.values()), default=self._stream.revision)
        if bookmark == self._bookmark:
            return
        self._bookmark = bookmark
        with contextlib.suppress(OSError):  # with an older bookmark, the next start only checks more Tasks
            await asyncio.to_thread(self._archive.put_bookmark, bookmark)

    async def _keep_with_retries(self, task_id: TaskId) -> None:
        """Try to keep a picture, at most `max_tries` times."""
        try:
            for tries in range(self._rules.max_tries):
                if await self._supervised_try(task_id, is_first=tries == 0):
                    return
                await asyncio.sleep(self._delay(tries).total_seconds())
            log.error("picture given up; it is fetched when it is asked for", task_id=task_id)
        finally:
            del self._pending[task_id]
            self._room.release()

    async def _supervised_try(self, task_id: TaskId, *, is_first: bool) -> bool:
        """Try once; return whether the picture is done with. Any error but NotFound is a reason to try again."""
        try:
            async with self._fetching:
                await self._keep_unless_kept(task_id)
        except NotFound as err:
            log.warning("picture is gone", task_id=task_id, problem=err.message)
        except Exception as err:  # noqa: BLE001 - supervised: retried, then given up and logged
            if is_first:
                log.warning("picture cannot be kept yet", task_id=task_id, problem=str(err) or type(err).__name__)
            return False
        return True

    async def _keep_unless_kept(self, task_id: TaskId) -> None:
        # Read again at each try: the link may have been renewed meanwhile.
        task = await self._store.get(task_id)
        if task and not await asyncio.to_thread(self._archive.has, task_id):
            async with self._downloads.picture(task):
                pass  # the download keeps it

    def _delay(self, tries: int) -> timedelta:
        return min(self._rules.first_delay * (1 << tries), self._rules.longest_delay)

    async def _prune_regularly(self) -> None:
        while True:
            try:
                gone = await asyncio.to_thread(self._archive.prune, self._retention, self._clock.now())
            except OSError as err:
                log.warning("old pictures cannot be removed", problem=str(err))
            else:
                log.debug("old pictures removed", count=gone)
            await asyncio.sleep(self._rules.prune_every.total_seconds())


async def _fetched(task: Task, downloads: Downloads) -> OpenPicture:
    async with downloads.picture(task) as path:
        return await opened_in_thread(partial(open_picture, path, _claimed_type(task)))


def _new_temporary_part() -> Path:
    return new_part(Path(tempfile.gettempdir()))


def _claimed_type(task: Task) -> str:
    return task.image.content_type if task.image else ""
