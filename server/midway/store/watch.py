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

LOST_RING = timedelta(seconds=5)  # a doorbell may be lost; look at the table this often without one
LONGEST_WAIT = timedelta(minutes=1)  # of one wait for a change; then another begins
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

    def __init__(self, store: TaskStore, *, lost_ring: timedelta = LOST_RING) -> None:
        self._store = store
        self._lost_ring = lost_ring
        self._waiters: dict[TaskId | None, set[asyncio.Future[bool]]] = {}
        self._is_open = False
        self._readers: set[_Stream] = set()
        # Rises before streams are woken: one that has read since then may wait without reading again.
        self.news = 0

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
    def read_by_client(self, stream: "_Stream") -> Iterator[None]:
        """Count the stream among those of clients while the context is open."""
        self._readers.add(stream)
        try:
            yield
        finally:
            self._readers.discard(stream)

    @property
    def readers(self) -> int:
        """How many streams clients read."""
        return len(self._readers)

    def slow_readers(self, after: timedelta) -> int:
        """Count the clients' streams whose last message has waited for longer than this for its client to take it."""
        since = time.monotonic() - after.total_seconds()
        return sum(1 for stream in self._readers if stream.given_at is not None and stream.given_at < since)

    def expect(self, task_id: TaskId | None) -> "asyncio.Future[bool]":
        """Return what becomes True when the Task (None: any Task) changes; `forget` it after the wait.

        Raises WatchClosed, also out of the wait.
        """
        self.require_open()
        changed = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(task_id, set()).add(changed)
        return changed

    def forget(self, task_id: TaskId | None, changed: "asyncio.Future[bool]") -> None:
        """Take back what was expected, if it has not come."""
        if waiters := self._waiters.get(task_id):
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
            for changed in [changed for waiters in self._waiters.values() for changed in waiters]:
                if not changed.done():
                    changed.set_exception(WatchClosed())

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
        self.news += 1
        for key in keys:
            for changed in self._waiters.pop(key, ()):
                if not changed.done():
                    changed.set_result(True)


class _Stream(AsyncIterator[Task], ABC):
    """A cursor over the Store that waits at the end of what is there.

    It holds no place in the hub between two reads, so it needs no closing; and `anext` may be cancelled
    (a heartbeat's time-out) and called again without losing a snapshot.
    """

    def __init__(self, hub: Watch, store: TaskStore, key: TaskId | None, after: Revision) -> None:
        self._hub = hub
        self._store = store
        self._key = key
        self._cursor = after  # everything up to here was taken out of the Store
        self._batch: deque[Task] = deque()
        self._started = False
        self._delivered = after
        # When its reader was given the last message, monotonic; None while the reader waits for one.
        self.given_at: float | None = None
        self._read_at = -1  # the hub's news before the last reading
        self._changed: asyncio.Future[bool]
        self._end = 0.0  # when the wait that is on, or comes next, has lasted long enough; the loop's time
        self._timer: asyncio.TimerHandle | None = None  # fires then, or earlier

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
        self.given_at = None
        self._end = asyncio.get_running_loop().time() + within.total_seconds()
        if not self._started:
            await self._start()
            self._started = True
        while not self._batch:
            self._require_more()
            news = self._hub.news  # noted before reading: what comes meanwhile raises it, and is read before any wait
            if news != self._read_at:
                newer = await self._read()
                if len(newer) < PAGE:
                    self._read_at = news
                self._take(newer)
            elif not await self._changed_in_time():
                self._read_at = -1  # look again with each heartbeat: no lost wake-up may last for ever
                self.given_at = time.monotonic()
                return None
        task = self._batch.popleft()
        self._delivered = task.revision
        self.given_at = time.monotonic()
        return task

    async def _start(self) -> None:
        """Take what stands before the changes after the cursor: nothing, unless a stream begins with more."""

    def _require_more(self) -> None:
        """Raise StopAsyncIteration when nothing can follow."""

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
        self._timer = asyncio.get_running_loop().call_at(self._end, self._time_is_up)

    def _time_is_up(self) -> None:
        """End the wait; or move the timer on, when it was set for an earlier one: most waits end by a change."""
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
    """One Task's snapshots; ends after the one that ended it."""

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
    """Many Tasks' snapshots in one order of revision."""

    def __init__(self, hub: Watch, store: TaskStore, after: Revision, wanted: Callable[[Task], bool]) -> None:
        super().__init__(hub, store, _EVERY_TASK, after)
        self._wanted = wanted

    async def _read(self) -> list[Task]:
        return await self._store.changes(self._cursor, PAGE)

    def _take(self, tasks: list[Task]) -> None:
        super()._take(tasks)
        self._batch = deque(filter(self._wanted, self._batch))
