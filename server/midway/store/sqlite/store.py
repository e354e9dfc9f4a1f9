"""The Store on SQLite: each method passes a function to the writer or the reader."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from midway.domain.attempt import Attempt
from midway.domain.clock_step import Boot
from midway.domain.ids import AccountId, Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.doorbell import Bell, Doorbells
from midway.store.port import (
    AccountMark,
    DeadLetter,
    DeadLetterKey,
    Entry,
    OutboxRow,
    RequestKey,
    StoreHealth,
    StoreUnavailable,
    Submitted,
    TaskQuery,
)
from midway.store.sqlite import clock, outbox, reads, writes
from midway.store.sqlite.database import make_private_folder, open_reader, open_writer
from midway.store.sqlite.database_files import DatabaseFiles
from midway.store.sqlite.driver import Driver
from midway.store.sqlite.file_system import refuse_network
from midway.store.sqlite.lock import ProcessLock
from midway.store.sqlite.quarantine import RowsUnreadable
from midway.store.sqlite.reader import Question, Reader
from midway.store.sqlite.recent import RECENT_SNAPSHOTS, RecentSnapshots
from midway.store.sqlite.writer import Writer

T = TypeVar("T")

MOST_QUARANTINES = 10  # times for one question, each time all that it met; more come only while somebody writes them


class Opened(NamedTuple):
    """The database's lock, files and connections, its newest revision and its largest Task id."""

    lock: ProcessLock
    files: DatabaseFiles
    writing: Driver
    reading: Driver
    revision: Revision
    last_task_id: TaskId | None


class SqliteStore:
    """A Store on one file, for one process; see `port.Store` for what each method promises."""

    def __init__(self, opened: Opened, recent_snapshots: int, *, quarantine: bool) -> None:
        """Take over what `open` opened, and close it with the store."""
        self._closed = False
        self._quarantine = quarantine
        self._rows_quarantined = 0  # since it was opened
        self._lock = opened.lock
        self._files = opened.files
        self._doorbells = Doorbells()
        self._outbox_doorbells = Doorbells()  # most Tasks have no webhook
        self._snapshots = RecentSnapshots(opened.revision, opened.last_task_id or TaskId(""), recent_snapshots)
        self._writer = Writer(opened.writing, opened.files, self._snapshots, self._committed)
        self._reader = Reader(opened.reading)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        allow_network_file_system: bool = False,
        recent_snapshots: int = RECENT_SNAPSHOTS,
        quarantine: bool = False,
    ) -> Self:
        """Open the database, and make it when it is not there; keep the newest `recent_snapshots` in memory.

        Rows that cannot be read raise RowsUnreadable where they are met, or are quarantined and logged.
        Raises DatabaseRefused (in use, too new, another program's, damaged, on a network file system) or
        StoreUnavailable.
        """
        return cls(await _open_files(path, allow_network_file_system), recent_snapshots, quarantine=quarantine)

    async def submit(
        self, task: Task, *, inputs: Sequence[InputImage] = (), request: RequestKey | None = None
    ) -> Submitted:
        """Store a new Task, or find the one this request id made."""
        operation = partial(writes.submit, task=task, inputs=inputs, request=request)
        return await self._readable(lambda: self._writer.write(operation))

    async def append(self, *entries: Entry) -> list[Task]:
        """Write these in order, or none of them."""
        return await self._writer.write(partial(writes.append, entries=entries))

    async def outbox_delivered(self, sequence: int) -> None:
        """Remove a notice."""
        await self._writer.write(lambda batch: outbox.delivered(batch.connection, sequence))

    async def outbox_retry(self, sequence: int, due_at: datetime) -> None:
        """Count a failed try."""
        await self._writer.write(lambda batch: outbox.retry(batch.connection, sequence, due_at))

    async def outbox_give_up(self, sequence: int, problem: str, now: datetime) -> None:
        """Move a notice to the dead letters."""
        await self._writer.write(lambda batch: outbox.give_up(batch.connection, sequence, problem, now))

    async def redeliver(self, task_id: TaskId, revision: Revision, now: datetime) -> bool:
        """Move a dead letter back to the outbox."""
        moved = await self._readable(
            lambda: self._writer.write(lambda batch: outbox.redeliver(batch.connection, task_id, revision, now))
        )
        self._outbox_doorbells.ring()
        return moved

    async def forget_dead_letters(self, before: datetime) -> None:
        """Remove old dead letters."""
        await self._writer.write(lambda batch: outbox.forget_dead_letters(batch.connection, before))

    async def follow_clock(self, boot: Boot, young: datetime) -> timedelta:
        """Move what is unfinished along with a clock that was set."""
        moved = await self._writer.write(partial(clock.follow, boot=boot, young=young))
        self._outbox_doorbells.ring()
        return moved.by

    async def boot(self, boot_id: str) -> Boot | None:
        """Read the boot that was remembered last."""
        return await self._reader.read(partial(clock.known_boot, boot_id=boot_id))

    async def by_request(self, request: RequestKey) -> Task | None:
        """Find the Task that a request id made."""
        return await self._read(partial(reads.by_request, request=request))

    async def get(self, task_id: TaskId) -> Task | None:
        """Read one Task."""
        if task := self._recent.latest(task_id):
            return task
        return await self._readable(lambda: self._reader.get(task_id))

    async def get_many(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Read the Tasks that exist, in the order of the ids."""
        known = {task_id: self._recent.latest(task_id) for task_id in task_ids}
        if missing := [task_id for task_id, task in known.items() if task is None]:
            known |= await self._read(partial(reads.get_many, task_ids=missing))
        return [task for task_id in dict.fromkeys(task_ids) if (task := known.get(task_id))]

    async def find(self, query: TaskQuery) -> list[Task]:
        """Read a page of the Tasks that match."""
        return await self._read(partial(reads.find, query=query))

    async def count(self, query: TaskQuery) -> int:
        """Count the Tasks that match."""
        return await self._read(partial(reads.count, query=query))

    async def history(self, task_id: TaskId, after: Revision) -> list[Task]:
        """Read one Task's snapshots after a revision."""
        if (newer := self._recent.history(task_id, after)) is not None:
            return newer
        return await self._read(partial(reads.history, task_id=task_id, after=after))

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        """Read all Tasks' snapshots after a revision."""
        if (newer := self._recent.changes(after, limit)) is not None:
            return newer
        return await self._read(partial(reads.changes, after=after, limit=limit))

    async def revision(self) -> Revision:
        """Read the newest revision.

        From the database, which has a commit a moment before this memory: whoever read a Task there may ask for more.
        """
        return await self._read(reads.revision)

    async def last_task_id(self) -> TaskId | None:
        """Read the largest Task id."""
        return await self._read(reads.last_task_id)

    async def inputs(self, task_id: TaskId) -> list[InputImage]:
        """Read a Task's input pictures."""
        return await self._read(partial(reads.inputs, task_id=task_id))

    async def attempts(self, task_id: TaskId) -> list[Attempt]:
        """Read a Task's Attempts, oldest first."""
        return await self._read(partial(reads.attempts, task_id=task_id))

    async def recent_attempts(self, account_id: AccountId, since: datetime) -> list[Attempt]:
        """Read an Account's Attempts that are open or recent."""
        return await self._read(partial(reads.recent_attempts, account_id=account_id, since=since))

    async def marks(self) -> list[AccountMark]:
        """Read every Account's mark."""
        return await self._read(reads.marks)

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Read the first notice of each Task, if it is due."""
        return await self._read(partial(outbox.due, now=now, limit=limit, besides=besides, save=save))

    async def dead_letters(
        self, task_id: TaskId | None = None, before: DeadLetterKey | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Read a page of the dead letters."""
        return await self._read(partial(outbox.dead_letters, task_id=task_id, before=before, limit=limit))

    def doorbell(self) -> AbstractAsyncContextManager[Bell]:
        """Listen for changes."""
        return self._doorbells.listen()

    def outbox_doorbell(self) -> AbstractAsyncContextManager[Bell]:
        """Listen for notices."""
        return self._outbox_doorbells.listen()

    async def _read(self, question: Question[T]) -> T:
        return await self._readable(lambda: self._reader.read(question))

    async def _readable(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and quarantine what cannot be read until the answer can be."""
        for _ in range(MOST_QUARANTINES):
            try:
                return await ask()
            except RowsUnreadable as err:
                if not self._quarantine:
                    raise
                self._rows_quarantined += await self._writer.write(partial(writes.quarantine_rows, rows=err.rows))
        return await ask()

    @property
    def _recent(self) -> RecentSnapshots:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return self._snapshots

    def _committed(self, outcomes: Sequence[Any]) -> None:
        """Add what a batch stored to the recent snapshots, in order of revision, then ring the doorbells."""
        for stored in chain.from_iterable(map(_stored, outcomes)):
            self._snapshots.put(stored)
            if stored.ask.notify_url:
                self._outbox_doorbells.ring()
        self._doorbells.ring()

    @property
    def health(self) -> StoreHealth:
        """How it fares, as it was seen last."""
        return StoreHealth(is_available=not self._files.displaced, rows_quarantined=self._rows_quarantined)

    async def check_health(self) -> StoreHealth:
        """Check whether the database's files are still where they were opened; while not, nothing is stored."""
        await self._writer.check_files()
        return self.health

    async def close(self) -> None:
        """Write what waits, close the file and release the lock.

        The writer closes last: the last connection to close moves the log into the database and removes it, which is
        how the next start recognises a clean stop. Closing again does nothing.
        """
        if self._closed:
            return
        self._closed = True
        await self._reader.close()
        await self._writer.close()
        self._lock.release()


def _stored(outcome: Any) -> Sequence[Task]:
    """Return the Tasks that an operation of the writer's has stored."""
    if isinstance(outcome, clock.Moved):
        return outcome.tasks
    if isinstance(outcome, writes.Appended):
        return outcome
    return (outcome.task,) if isinstance(outcome, Submitted) and outcome.created else ()


async def _open_files(path: Path, allow_network_file_system: bool) -> Opened:
    try:
        await asyncio.to_thread(_prepare, path, allow_network_file_system)
        return await _open_locked(path)
    except (sqlite3.Error, OSError) as err:
        raise StoreUnavailable(f"cannot open {path}: {err}") from err


def _prepare(path: Path, allow_network_file_system: bool) -> None:
    make_private_folder(path)
    if not allow_network_file_system:
        refuse_network(path)


async def _open_locked(path: Path) -> Opened:
    async with AsyncExitStack() as undo:
        lock = ProcessLock(path)
        undo.callback(lock.release)
        writing = await Driver.open(partial(open_writer, path))
        undo.push_async_callback(writing.close)
        files = await writing.run(lambda _: DatabaseFiles(path))
        reading = await Driver.open(partial(open_reader, path))
        undo.push_async_callback(reading.close)
        newest = await reading.run(reads.revision), await reading.run(reads.last_task_id)
        opened = Opened(lock, files, writing, reading, *newest)
        undo.pop_all()
    return opened
