"""Streams of a Task's changes: ordered, unique, resumable.

    Ordered    revisions increase
    Unique     no revision comes twice, even after a reconnect that names the last one seen
    Resumable  every change of state after the named revision comes; progress between two of them may be skipped

A stream keeps only its last revision and reads the rest from the Store, so a slow reader needs no queue. One listener
serves all streams of the process: it reads each change once and wakes only the streams of that Task.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Self

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.store.port import Doorbell, StoreUnavailable, TaskStore

LOST_RING = timedelta(seconds=5)  # a ring may be lost; the table is read this often without one
LONGEST_WAIT = timedelta(minutes=1)  # for one wait for a change; then the next begins
PAGE = 500  # snapshots read at once; the most that a stream of all Tasks holds in memory

_EVERY_TASK = None  # the key of streams that wait for any Task


class UnknownTask(KeyError):
    """There is no such Task."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(task_id)
        self.task_id = task_id


class WatchClosed(Exception):
    """The server stops watching; when it is back, resume with the last revision seen."""


class Watch:
    """The hub of all streams over one Store. Use as an async context manager; its streams end with the context.

    Its listener is an asyncio task that the context starts and ends.
    """

    def __init__(self, store: TaskStore, *, lost_ring: timedelta = LOST_RING) -> None:
        self._store = store
        self._lost_ring = lost_ring
        self._waiters: dict[TaskId | None, set[asyncio.Future[bool]]] = {}
        self._is_open = False
        self._readers: set[_Stream] = set()
        # Counted up before streams are woken: a stream that has read since then may wait without reading again.
        self.news = 0

    async def __aenter__(self) -> Self:
        """Listen. Every change after the return wakes the streams that wait for it."""
        async with contextlib.AsyncExitStack() as stack:
            doorbell = await stack.enter_async_context(self._store.doorbell())
            start = await self._store.revision()
            self._resources = stack.pop_all()
        self._is_open = True
        self._listener = asyncio.create_task(self._listen(doorbell, start), name="watch-listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every stream with WatchClosed."""
        self._listener.cancel()
        await asyncio.wait([self._listener])
        await self._resources.aclose()
        if not self._listener.cancelled():
            self._listener.result()  # raises: only a defect ends the listener by itself

    def watch(self, task_id: TaskId, after: Revision = Revision(0)) -> "TaskStream":
        """Follow one Task to its end.

        With `after` 0 the latest snapshot comes first, otherwise the snapshots after that revision.
        The first read raises UnknownTask when there is no such Task.
        """
        return TaskStream(self, self._store, task_id, after)

    def watch_all(self, after: Revision, wanted: Callable[[Task], bool] = lambda _: True) -> "TasksStream":
        """Follow all Tasks for which `wanted` is true, without end: every snapshot after the revision `after`."""
        return TasksStream(self, self._store, after, wanted)

    @contextlib.contextmanager
    def read_by_client(self, stream: "_Stream") -> Iterator[None]:
        """Count the stream as read by a client while the context is open."""
        self._readers.add(stream)
        try:
            yield
        finally:
            self._readers.discard(stream)

    @property
    def readers(self) -> int:
        """How many streams are read by clients."""
        return len(self._readers)

    def slow_readers(self, after: timedelta) -> int:
        """Count the clients' streams whose last snapshot the client has not taken for longer than this."""
        since = time.monotonic() - after.total_seconds()
        return sum(1 for stream in self._readers if stream.given_at is not None and stream.given_at < since)

    def expect(self, task_id: TaskId | None) -> "asyncio.Future[bool]":
        """Return a future that becomes True when the Task (None: any Task) changes; call `forget` after the wait.

        Raises WatchClosed, and so does the future.
        """
        self.require_open()
        changed = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(task_id, set()).add(changed)
        return changed

    def forget(self, task_id: TaskId | None, changed: "asyncio.Future[bool]") -> None:
        """Remove a future that `expect` returned, if it is not done yet."""
        if waiters := self._waiters.get(task_id):
            waiters.discard(changed)
            if not waiters:
                del self._waiters[task_id]

    def require_open(self) -> None:
        """Raise WatchClosed unless the hub is listening."""
        if not self._is_open:
            raise WatchClosed

    async def _listen(self, doorbell: Doorbell, cursor: Revision) -> None:
        try:
            while True:
                await self._wait_for_ring(doorbell)
                cursor = await self._wake_changed(cursor)
        finally:
            self._is_open = False
            for changed in [changed for waiters in self._waiters.values() for changed in waiters]:
                if not changed.done():
                    changed.set_exception(WatchClosed())

    async def _wait_for_ring(self, doorbell: Doorbell) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lost_ring.total_seconds()):
                await doorbell.wait()

    async def _wake_changed(self, cursor: Revision) -> Revision:
        """Wake the streams of Tasks that changed; return the last revision that was read."""
        try:
            while changes := await self._store.changes(cursor, PAGE):
                cursor = changes[-1].revision
                self._wake(_EVERY_TASK, *{task.id for task in changes})
        except StoreUnavailable:
            # Each stream then reads, gets the same error and raises it to its reader.
            self._wake(*self._waiters)
        return cursor

    def _wake(self, *keys: TaskId | None) -> None:
        self.news += 1
        for key in keys:
            for changed in self._waiters.pop(key, ()):
                if not changed.done():
                    changed.set_result(True)


class _Stream(AsyncIterator[Task], ABC):
    """A cursor over the Store that waits for changes when it has read everything.

    Between two reads the hub does not know it, so it needs no closing. `anext` may be cancelled (by a heartbeat's
    time-out) and called again without losing a snapshot.
    """

    def __init__(self, hub: Watch, store: TaskStore, key: TaskId | None, after: Revision) -> None:
        self._hub = hub
        self._store = store
        self._key = key
        self._cursor = after  # everything up to this revision was read from the Store
        self._batch: deque[Task] = deque()
        self._started = False
        self._delivered = after
        # When the last snapshot was returned, monotonic seconds; None while the reader waits for one.
        self.given_at: float | None = None
        self._read_at = -1  # the hub's `news` before the last read
        self._changed: asyncio.Future[bool]
        self._end = 0.0  # when the present or next wait times out; the loop's time
        self._timer: asyncio.TimerHandle | None = None  # fires at `_end` or earlier

    @property
    def revision(self) -> Revision:
        """The revision to resume after: that of the last snapshot returned, or newer if later ones were not wanted."""
        return self._delivered if self._batch else self._cursor

    async def __anext__(self) -> Task:
        while (task := await self.next(LONGEST_WAIT)) is None:
            pass
        return task

    async def next(self, within: timedelta) -> Task | None:
        """Return the next snapshot, or None when none came in time; raise StopAsyncIteration at the end."""
        self.given_at = None
        self._end = asyncio.get_running_loop().time() + within.total_seconds()
        if not self._started:
            await self._start()
            self._started = True
        while not self._batch:
            self._require_more()
            news = self._hub.news  # read before the Store: a change during the read counts it up, and is read next
            if news != self._read_at:
                newer = await self._read()
                if len(newer) < PAGE:
                    self._read_at = news
                self._take(newer)
            elif not await self._changed_in_time():
                self._read_at = -1  # read again after each time-out, in case a wake-up was lost
                self.given_at = time.monotonic()
                return None
        task = self._batch.popleft()
        self._delivered = task.revision
        self.given_at = time.monotonic()
        return task

    async def _start(self) -> None:
        """Read what the stream begins with, before the changes after the cursor; nothing by default."""

    def _require_more(self) -> None:
        """Raise StopAsyncIteration when no further snapshot can come."""

    async def _changed_in_time(self) -> bool:
        """Wait for a change until `_end`; tell whether one came."""
        self._changed = self._hub.expect(self._key)
        if self._timer is None:
            self._set_timer()
        try:
            return await self._changed
        finally:
            if self._changed.cancelled():
                self._stop_timer()
            self._hub.forget(self._key, self._changed)

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._end, self._on_timer)

    def _on_timer(self) -> None:
        """End the wait, or set the timer again: it may be an earlier wait's, as a wait ended by a change leaves it."""
        self._timer = None
        if self._changed.done():
            return
        if asyncio.get_running_loop().time() < self._end:
            self._set_timer()
        else:
            self._changed.set_result(False)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @abstractmethod
    async def _read(self) -> list[Task]:
        """Read what is newer than the cursor, in order of revision; empty when nothing is."""

    def _take(self, tasks: list[Task]) -> None:
        self._batch.extend(tasks)
        if tasks:
            self._cursor = tasks[-1].revision


class TaskStream(_Stream):
    """One Task's snapshots; ends after the one with its final state."""

    def __init__(self, hub: Watch, store: TaskStore, task_id: TaskId, after: Revision) -> None:
        super().__init__(hub, store, task_id, after)
        self._task_id = task_id
        self._ended = False

    async def _start(self) -> None:
        news = self._hub.news
        task = await self._store.get(self._task_id)
        if task is None:
            raise UnknownTask(self._task_id)
        self._take([task] if self._cursor == 0 else await self._read())
        self._read_at = news
        self._ended = task.state.is_terminal or self._ended

    def _require_more(self) -> None:
        if self._ended:
            self._stop_timer()
            raise StopAsyncIteration

    async def _read(self) -> list[Task]:
        return await self._store.history(self._task_id, self._cursor)

    def _take(self, tasks: list[Task]) -> None:
        super()._take(tasks)
        self._ended = self._ended or any(task.state.is_terminal for task in tasks)


class TasksStream(_Stream):
    """Many Tasks' snapshots, in order of revision."""

    def __init__(self, hub: Watch, store: TaskStore, after: Revision, wanted: Callable[[Task], bool]) -> None:
        super().__init__(hub, store, _EVERY_TASK, after)
        self._wanted = wanted

    async def _read(self) -> list[Task]:
        return await self._store.changes(self._cursor, PAGE)

    def _take(self, tasks: list[Task]) -> None:
        super()._take(tasks)
        self._batch = deque(filter(self._wanted, self._batch))
