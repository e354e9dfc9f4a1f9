"""Writes an Account's decisions to the Store in the background, in order, and tells when they are durable.

What a client waits for is written at once; everything else at the next tick, which all Accounts have at the same time,
so that their entries share a commit. While an Account has few entries, its ticks are shorter. When the disk fails, the
same batch is retried until the store answers. An entry with a defect is dropped, with all later entries of its Task. A
Task that another writer changed meanwhile is lost: all entries of it that were not written are dropped, and the Account
reads it again.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count, islice
from math import inf

import structlog
from msgspec.structs import replace

from midway.domain.ids import TaskId
from midway.engine.store_retry import RETRY_SECONDS
from midway.store.port import Entry, Store, StoreUnavailable, VersionConflict, WriteInDoubt

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 256  # entries in a batch, which is one transaction
TICK_SECONDS = 0.03  # too short for a person to notice; a commit costs more than twenty entries in it
FEW = 8  # fewer entries of an Account than this in as many ticks gain nothing from being gathered
SHORTER = 15  # how many times shorter the tick is then

_Waiter = tuple[int, int, TaskId | None, "asyncio.Future[None]"]


class Journal:
    """An Account's queue of entries to be stored. Owned by its worker, which runs it."""

    def __init__(self, store: Store, lost: Callable[[TaskId, Exception], None]) -> None:
        """`lost` is called for each Task whose entries were dropped: another writer changed it, or one has a defect."""
        self._store = store
        self._lost = lost
        self._entries: deque[tuple[int, Entry]] = deque()  # numbered, oldest first; not durable yet
        self._numbers = count(1)
        self._batch_size = 0  # of the batch that is being written, or was when the worker ended
        self._is_in_doubt = False  # whether that batch may already be stored
        self._last: dict[TaskId, int] = {}  # the number of each Task's last entry
        # A heap of: number of the entry that is waited for, a tie-breaker, the Task (None: all), and the future.
        self._waiters: list[_Waiter] = []
        self._impatient: set[asyncio.Future[None]] = set()  # of waiters that fail when the disk does
        self._came_at: deque[float] = deque([-inf] * FEW, FEW)  # when the last entries came, in the loop's time
        self._is_time = asyncio.Event()
        self._tick: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many entries are not durable yet."""
        return len(self._entries)

    def put(self, entry: Entry) -> None:
        """Queue an entry, to be written after all before it."""
        number = next(self._numbers)
        self._entries.append((number, entry))
        for task_id in _tasks_of(entry):
            self._last[task_id] = number
        loop = asyncio.get_running_loop()
        now = loop.time()
        are_few = now - self._came_at[0] > FEW * TICK_SECONDS
        self._came_at.append(now)
        if self._tick is None:
            tick = TICK_SECONDS / SHORTER if are_few else TICK_SECONDS
            self._tick = loop.call_at((now // tick + 1) * tick, self._write_now)

    def settled(self, task_id: TaskId | None = None, *, patient: bool = False) -> "asyncio.Future[None]":
        """Return a future that is done when all entries so far of a Task (None: of all Tasks) are durable.

        It raises VersionConflict when the Task was lost, and StoreUnavailable when the disk fails; then the entries
        stay and are written later. With `patient`, it waits for the next tick and until the store answers.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        last = self._entries[-1][0] if self._entries else None
        number = last if task_id is None else self._last.get(task_id)
        if number is None:
            durable.set_result(None)
            return durable
        heapq.heappush(self._waiters, (number, next(self._numbers), task_id, durable))
        if not patient:
            self._write_now()
            self._impatient.add(durable)
            durable.add_done_callback(self._impatient.discard)
        return durable

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._is_time.wait()
            self._is_time.clear()
            await self._write_until(self._entries[-1][0] if self._entries else 0)

    async def flush(self) -> None:
        """Write all entries. Only while `run` is not running."""
        while self._entries:
            await self._write_until(self._entries[-1][0])

    def _write_now(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        self._is_time.set()

    async def _write_until(self, number: int) -> None:
        """Write the entries up to this number; later ones wait for their own tick."""
        while self._entries and self._entries[0][0] <= number:
            self._batch_size = self._batch_size or min(len(self._entries), MOST_AT_ONCE)
            await self._write([entry for _, entry in islice(self._entries, self._batch_size)])

    async def _write(self, batch: Sequence[Entry]) -> None:
        """Write the oldest entries. On an error they stay, except the entry that caused it, which is dropped."""
        try:
            await self._append_patiently(batch)
        except VersionConflict as conflict:
            self._drop_task(conflict.task_id, conflict)
        except Exception as error:  # noqa: BLE001 - supervised: one entry's defect must not block the others
            self._batch_size = 1  # next, write the entries one by one, to find the one with the defect
            if len(batch) == 1:
                self._drop_entry(batch[0], error)
            return
        else:
            for _ in batch:
                self._remove_first()
        self._batch_size = 0
        self._answer_waiters()

    async def _append_patiently(self, batch: Sequence[Entry]) -> None:
        """Append a batch; retry until the store answers. Return, too, when it turns out to be stored already."""
        tries = 0
        while True:
            was_in_doubt, self._is_in_doubt = self._is_in_doubt, True  # stays True if this is cancelled
            try:
                await self._store.append(*batch)
            except StoreUnavailable as error:
                self._is_in_doubt = was_in_doubt or isinstance(error, WriteInDoubt)
                log.warning("the store fails; trying again", tries=tries, problem=str(error))
                self._fail_impatient(error)
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1
            except VersionConflict as conflict:
                self._is_in_doubt = False
                if was_in_doubt and conflict.actual == _last_version(batch, conflict.task_id):
                    return
                raise
            except Exception:
                self._is_in_doubt = False
                raise
            else:
                self._is_in_doubt = False
                return

    def _drop_entry(self, entry: Entry, error: Exception) -> None:
        """Drop an entry that has a defect, and all later entries of its Task."""
        log.error("an entry cannot be stored because of a defect; it is dropped", exc_info=error)
        self._batch_size = 0
        tasks = _tasks_of(entry)
        for task_id in tasks:
            self._drop_task(task_id, error)
        if not tasks:  # an Account's mark, for which an operator waits
            self._remove_first()
            _fail([d for _, _, of_task, d in self._waiters if of_task is None and d in self._impatient], error)
        self._answer_waiters()

    def _drop_task(self, task_id: TaskId, error: Exception) -> None:
        """Drop all entries of a Task."""
        kept = ((number, _without(entry, task_id)) for number, entry in self._entries)
        self._entries = deque((number, entry) for number, entry in kept if entry is not None)
        self._last.pop(task_id, None)
        _fail([durable for _, _, of_task, durable in self._waiters if of_task == task_id], error)
        self._lost(task_id, error)

    def _remove_first(self) -> None:
        number, entry = self._entries.popleft()
        for task_id in _tasks_of(entry):
            if self._last.get(task_id) == number:
                del self._last[task_id]

    def _answer_waiters(self) -> None:
        """Complete the futures whose entries are all written or dropped."""
        oldest = self._entries[0][0] if self._entries else None
        while self._waiters and (oldest is None or self._waiters[0][0] < oldest):
            durable = heapq.heappop(self._waiters)[-1]
            if not durable.done():
                durable.set_result(None)

    def _fail_impatient(self, error: StoreUnavailable) -> None:
        for durable in list(self._impatient):
            _fail([durable], StoreUnavailable(str(error)))
        # Drop the failed futures now: each refers to its caller's frames, and callers that retry would add more.
        self._waiters = [waiter for waiter in self._waiters if not waiter[-1].done()]
        heapq.heapify(self._waiters)


def _fail(waiting: Iterable["asyncio.Future[None]"], error: Exception) -> None:
    for durable in list(waiting):
        if not durable.done():
            durable.set_exception(error)


def _tasks_of(entry: Entry) -> set[TaskId]:
    """Return the Tasks that an entry changes."""
    return {attempt.task_id for attempt in entry.attempts} | ({entry.task.id} if entry.task else set())


def _without(entry: Entry, task_id: TaskId) -> Entry | None:
    """Return an entry without what it holds of a Task; None when nothing else is left."""
    if task_id not in _tasks_of(entry):
        return entry
    attempts = tuple(attempt for attempt in entry.attempts if attempt.task_id != task_id)
    return None if entry.task or not attempts else replace(entry, attempts=attempts)


def _last_version(batch: Sequence[Entry], task_id: TaskId) -> int | None:
    versions = [entry.task.version for entry in batch if entry.task and entry.task.id == task_id]
    return versions[-1] if versions else None
