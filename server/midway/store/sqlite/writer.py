"""The only writer: operations queue up, and each batch of them is one transaction and one fsync (group commit).

Operations that arrive during a commit are the next batch: the slower the disk and the more writers, the larger the
batches. A lone operation waits for two turns of the event loop and for the commit under way; where several wait, the
commit is delayed for more, as long as they keep coming.
An operation is a function of the batch. One that is refused fails alone; a batch that the disk refuses fails whole.
A batch runs in the writer's thread as one call, so that nothing on the event loop, a cancellation least of all, can
leave a transaction half done.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from midway.store.port import RequestIdReused, StoreUnavailable, TaskUnreadable, VersionConflict, WriteInDoubt
from midway.store.sqlite.batch import Batch
from midway.store.sqlite.database_files import DatabaseFiles
from midway.store.sqlite.driver import Driver
from midway.store.sqlite.quarantine import RowsUnreadable
from midway.store.sqlite.recent import RecentSnapshots

T = TypeVar("T")
Operation = Callable[[Batch], T]

_FAULTS_OF_ONE_OPERATION = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
# Raised before the operation has written anything, as `writes` promises.
_REFUSALS = (VersionConflict, RequestIdReused, TaskUnreadable, RowsUnreadable)
MAX_BATCH = 256  # operations; bounds how long the first of a batch waits for the last
TURNS = 2  # of the event loop before each commit, for callers about to write; takes hardly any time on an idle loop
# Pauses before a commit for which several operations wait. A commit costs about 0.5 ms of CPU, like four operations.
PAUSE_SECONDS = 0.0025
MOST_PAUSES = 4
COMMITS_WITHOUT_PAUSE = 4  # after a pause in which no operation arrived: all callers may be waiting already


class _Refused(Struct, frozen=True):
    """An operation that failed alone."""

    error: Exception


class _Displaced(Exception):
    """The database's files are no longer where they were opened."""


class _Waiting(Struct, frozen=True):
    """An operation and the caller who waits for its outcome."""

    operation: Operation[Any]
    outcome: asyncio.Future[Any]


class Writer:
    """Owns the writing connection and the task that feeds it."""

    def __init__(
        self, driver: Driver, files: DatabaseFiles, recent: RecentSnapshots, committed: Callable[[Sequence[Any]], None]
    ) -> None:
        """Start; `committed` gets what each batch returned when it is on the disk, before their callers do."""
        self._driver = driver
        self._files = files
        self._recent = recent
        self._committed = committed
        self._queue: list[_Waiting] = []
        self._batch: list[_Waiting] = []
        self._wakeup = asyncio.Event()
        self._closing = False
        self._without_pause = 0  # how many further commits do not pause
        self._task = asyncio.create_task(self._run(), name="sqlite-writer")

    async def write(self, operation: Operation[T]) -> T:
        """Run the operation and return its value when it is on the disk.

        Cancelling the caller does not cancel the operation: it is stored or refused all the same.
        Raises what the operation raises, or StoreUnavailable. There is no time-out: after one it would be unknown
        whether the operation is stored.
        """
        if self._closing or self._task.done():
            raise StoreUnavailable("the store is closed")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(operation, outcome))
        self._wakeup.set()
        return await outcome

    async def check_files(self) -> None:
        """Look whether the database's files stand where they were opened; while not, nothing is stored."""
        await self._driver.run(partial(_look, files=self._files))

    async def close(self) -> None:
        """Write what waits, then close the connection."""
        self._closing = True
        self._wakeup.set()
        await asyncio.wait([self._task])
        await self._driver.close()

    async def _run(self) -> None:
        try:
            while self._queue or not self._closing:
                await self._wakeup.wait()
                self._wakeup.clear()
                await self._drain()
        finally:
            # Empty unless the event loop ends while the store is open; these callers cannot get an outcome any more.
            for waiting in self._batch + self._queue:
                waiting.outcome.cancel()

    async def _drain(self) -> None:
        while self._queue:
            await self._gather()
            self._batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
            await self._commit(self._batch)
            self._batch = []

    async def _gather(self) -> None:
        """Wait for more operations: two turns of the loop, then, if several wait, as long as each pause brings more."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if self._without_pause:
            self._without_pause -= 1
            return
        for _ in range(MOST_PAUSES):
            known = len(self._queue)
            if not 1 < known < MAX_BATCH:
                return
            await asyncio.sleep(PAUSE_SECONDS)
            if len(self._queue) == known:
                self._without_pause = COMMITS_WITHOUT_PAUSE
                return

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        operations = [waiting.operation for waiting in batch]
        try:
            outcomes, is_in_place = await self._driver.run(
                partial(_run_in_place, files=self._files, recent=self._recent, operations=operations)
            )
            self._committed(outcomes)
            if not is_in_place:
                outcomes = [each if isinstance(each, _Refused) else _in_doubt() for each in outcomes]
        except sqlite3.Error as error:
            outcomes = [_Refused(_unavailable(error)) for _ in batch]
        except _Displaced as error:
            outcomes = [_Refused(StoreUnavailable(str(error))) for _ in batch]
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _settle(waiting.outcome, outcome)


def _run_in_place(
    connection: sqlite3.Connection, files: DatabaseFiles, recent: RecentSnapshots, operations: Sequence[Operation[Any]]
) -> tuple[list[Any], bool]:
    """Run the batch; return its outcomes, and whether the database's files were still in their place after it.

    The files are checked before, so that nothing is stored in a file that was moved away, and after, because they may
    be moved during the commit's fsync. Raises _Displaced when the first check fails; then no operation ran.
    """
    if displaced := _look(connection, files):
        raise _Displaced(f"nothing was stored: {displaced[0]} was taken away or replaced")
    outcomes = run_batch(connection, recent, operations)
    return outcomes, not _look(connection, files)


def _look(connection: sqlite3.Connection, files: DatabaseFiles) -> tuple[Path, ...]:
    """Return which files are displaced; when that is news, fold the log into the database.

    Then everything stored is in one file, which makes it easier to rescue, and no log is left that the next start would
    apply to another database put at that path.
    """
    before = files.displaced
    displaced = files.check()
    if displaced and not before:
        with suppress(sqlite3.Error):  # for example a full disk; then the log stays as it is
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return displaced


def run_batch(
    connection: sqlite3.Connection, recent: RecentSnapshots, operations: Sequence[Operation[Any]]
) -> list[Any]:
    """Run the operations in one transaction; return each one's value, or a _Refused.

    Raises sqlite3.Error when the disk fails; then nothing of the batch is stored.
    """
    try:
        with _transaction(connection):
            return _run_together(Batch(connection, recent, recent.revision), operations)
    except Exception as error:
        if _is_disk_error(error):
            raise
    # One operation has a defect and may have written before it raised. Run each in a savepoint, which costs more but
    # rolls back only the one that fails.
    with _transaction(connection):
        return _run_each_alone(Batch(connection, recent, recent.revision), operations)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _run_together(batch: Batch, operations: Sequence[Operation[Any]]) -> list[Any]:
    outcomes = [_run(batch, operation) for operation in operations]
    batch.write()
    return outcomes


def _run(batch: Batch, operation: Operation[Any]) -> Any:
    try:
        return operation(batch)
    except _REFUSALS as refusal:
        return _Refused(refusal)


def _run_each_alone(batch: Batch, operations: Sequence[Operation[Any]]) -> list[Any]:
    outcomes = []
    for operation in operations:
        batch, outcome = _run_alone(batch, operation)
        outcomes.append(outcome)
    return outcomes


def _run_alone(before: Batch, operation: Operation[Any]) -> tuple[Batch, Any]:
    """Run an operation in a savepoint; return the batch to continue with, and the operation's value or a _Refused."""
    before.connection.execute("SAVEPOINT operation")
    batch = before.trial()
    try:
        value = operation(batch)
        batch.write()
    except Exception as error:
        if _is_disk_error(error):
            raise
        before.connection.execute("ROLLBACK TO operation")
        batch, value = before, _Refused(error)
    before.connection.execute("RELEASE operation")
    return batch, value


def _is_disk_error(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) and not isinstance(error, _FAULTS_OF_ONE_OPERATION)


def _settle(outcome: "asyncio.Future[Any]", value: Any) -> None:
    if outcome.done():
        return  # its caller was cancelled
    if isinstance(value, _Refused):
        outcome.set_exception(value.error)
    else:
        outcome.set_result(value)


def _in_doubt() -> _Refused:
    return _Refused(WriteInDoubt("the database was taken away while this was written"))


def _unavailable(error: sqlite3.Error) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"nothing was stored: {error}")
    unavailable.__cause__ = error
    return unavailable
