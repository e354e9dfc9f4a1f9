"""Streams of a Task's changes: ordered, unique, resumable.

    Ordered    revisions rise
    Unique     no revision comes twice, also over a reconnect that names the last one seen
    Resumable  every change of state after the named revision comes; progress between two of them may be skipped

The Store is the truth and a stream's only memory is its last revision: a slow reader falls behind in the table,
not in a queue. One listener serves all streams of the process; it reads each change once and wakes
only the streams that asked for that Task.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Self

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.store.port import Doorbell, Store, StoreUnavailable

LOST_RING = timedelta(seconds=5)  # a doorbell may be lost; look at the table this often without one
LONGEST_WAIT = timedelta(days=1)  # of one wait for a change; then another begins
PAGE = 500  # snapshots read at once; what a stream of all Tasks holds in memory at most

_EVERY_TASK = None  # the key of those who wait for any Task


class UnknownTask(KeyError):
    """There is no such Task."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(task_id)
        self.task_id = task_id


class WatchClosed(Exception):
    """The server stops watching; resume with the last revision seen when it is back."""


class Watch:
    """The hub of all streams over one Store. Open it with `async with`; streams end with it.

    Its listener is a task of its own, made and ended by the context.
    """

    def __init__(self, store: Store, *, lost_ring: timedelta = LOST_RING) -> None:
        self._store = store
        self._lost_ring = lost_ring
        self._waiters: dict[TaskId | None, set[asyncio.Event]] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Listen. Whatever changes after the return wakes its streams."""
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
            self._listener.result()  # a listener that ended by itself ended by a defect

    def watch(self, task_id: TaskId, after: Revision = Revision(0)) -> "TaskStream":
        """Follow one Task to its end.

        `after` 0 gives the present snapshot first; otherwise everything newer than that revision comes first.
        The first read raises UnknownTask when there is no such Task.
        """
        return TaskStream(self, self._store, task_id, after)

    def watch_all(self, after: Revision, wanted: Callable[[Task], bool] = lambda _: True) -> "TasksStream":
        """Follow all Tasks that are wanted, without end: everything newer than `after`."""
        return TasksStream(self, self._store, after, wanted)

    @contextlib.contextmanager
    def waiting(self, task_id: TaskId | None) -> Iterator[asyncio.Event]:
        """Give an event that is set when the Task (None: any Task) changed, while the context is open."""
        self.require_open()
        changed = asyncio.Event()
        waiters = self._waiters.setdefault(task_id, set())
        waiters.add(changed)
        try:
            yield changed
        finally:
            waiters.discard(changed)
            if not waiters:
                del self._waiters[task_id]

    def require_open(self) -> None:
        """Raise WatchClosed when the hub is not, or no longer, listening."""
        if not self._is_open:
            raise WatchClosed

    async def _listen(self, doorbell: Doorbell, cursor: Revision) -> None:
        try:
            while True:
                await self._ring(doorbell)
                cursor = await self._wake_changed(cursor)
        finally:
            self._is_open = False
            self._wake(*self._waiters)

    async def _ring(self, doorbell: Doorbell) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lost_ring.total_seconds()):
                await doorbell.wait()

    async def _wake_changed(self, cursor: Revision) -> Revision:
        """Wake whoever waits for a Task that changed; return how far the changes were read."""
        try:
            while changes := await self._store.changes(cursor, PAGE):
                cursor = changes[-1].revision
                self._wake(_EVERY_TASK, *{task.id for task in changes})
        except StoreUnavailable:
            # The streams read for themselves and meet the same error, which their readers must see.
            self._wake(*self._waiters)
        return cursor

    def _wake(self, *keys: TaskId | None) -> None:
        for key in keys:
            for changed in self._waiters.get(key, ()):
                changed.set()


class _Stream(AsyncIterator[Task], ABC):
    """A cursor over the Store that waits at the end of what is there.

    It holds no place in the hub between two reads, so it needs no closing; and `anext` may be cancelled
    (a heartbeat's time-out) and called again without losing a snapshot.
    """

    def __init__(self, hub: Watch, store: Store, key: TaskId | None, after: Revision) -> None:
        self._hub = hub
        self._store = store
        self._key = key
        self._cursor = after  # everything up to here was taken out of the Store
        self._batch: deque[Task] = deque()
        self._started = False
        self._delivered = after

    @property
    def revision(self) -> Revision:
        """The revision to resume after: that of the last snapshot given, or newer when later ones were not wanted."""
        return self._delivered if self._batch else self._cursor

    async def __anext__(self) -> Task:
        while (task := await self.next(LONGEST_WAIT)) is None:
            pass
        return task

    async def next(self, within: timedelta) -> Task | None:
        """Return the next snapshot, or None when none came in time; raise StopAsyncIteration at the end."""
        if not self._started:
            await self._start()
            self._started = True
        end = asyncio.get_running_loop().time() + within.total_seconds()
        while not self._batch:
            if not await self._fill(end):
                return None
        task = self._batch.popleft()
        self._delivered = task.revision
        return task

    async def _start(self) -> None:
        """Take what stands before the changes after the cursor: nothing, unless a stream begins with more."""

    async def _fill(self, end: float) -> bool:
        """Wait until `end` (the loop's time) for what is newer and take it, if any; StopAsyncIteration at the end."""
        newer = await self._newer(end)
        self._take(newer)
        return bool(newer)

    async def _newer(self, end: float) -> list[Task]:
        # Waiting begins before reading: a change between the two would be missed otherwise.
        with self._hub.waiting(self._key) as changed:
            loop = asyncio.get_running_loop()
            timer = loop.call_at(end, changed.set)
            try:
                while not (newer := await self._read()) and loop.time() < end:
                    await changed.wait()
                    self._hub.require_open()
                    changed.clear()
            finally:
                timer.cancel()
        return newer

    @abstractmethod
    async def _read(self) -> list[Task]:
        """Read what is newer than the cursor, in order of revision; empty when nothing is."""

    def _take(self, tasks: list[Task]) -> None:
        self._batch.extend(tasks)
        if tasks:
            self._cursor = tasks[-1].revision


class TaskStream(_Stream):
    """One Task's snapshots; ends after the one that ended it."""

    def __init__(self, hub: Watch, store: Store, task_id: TaskId, after: Revision) -> None:
        super().__init__(hub, store, task_id, after)
        self._task_id = task_id
        self._ended = False

    async def _start(self) -> None:
        task = await self._store.get(self._task_id)
        if task is None:
            raise UnknownTask(self._task_id)
        self._take([task] if self._cursor == 0 else await self._read())
        self._ended = task.state.is_terminal or self._ended

    async def _fill(self, end: float) -> bool:
        if self._ended:
            raise StopAsyncIteration
        return await super()._fill(end)

    async def _read(self) -> list[Task]:
        return await self._store.history(self._task_id, self._cursor)

    def _take(self, tasks: list[Task]) -> None:
        super()._take(tasks)
        self._ended = self._ended or any(task.state.is_terminal for task in tasks)


class TasksStream(_Stream):
    """Many Tasks' snapshots in one order of revision."""

    def __init__(self, hub: Watch, store: Store, after: Revision, wanted: Callable[[Task], bool]) -> None:
        super().__init__(hub, store, _EVERY_TASK, after)
        self._wanted = wanted

    async def _read(self) -> list[Task]:
        return await self._store.changes(self._cursor, PAGE)

    def _take(self, tasks: list[Task]) -> None:
        super()._take(tasks)
        self._batch = deque(filter(self._wanted, self._batch))
