"""The Store in memory: the readable reference implementation; one test suite runs against it and every other Store.

It loses everything when the process ends. Tests use it; servers do not.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.clock_step import Boot, redated, redated_attempt, step_between
from midway.domain.ids import AccountId, Nonce, RequestId, Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import UNFINISHED, Task
from midway.outbound.address import place_of
from midway.store.conditions import matcher
from midway.store.doorbell import Bell, Doorbells
from midway.store.memory_outbox import MemoryOutbox
from midway.store.port import (
    AccountMark,
    DeadLetter,
    DeadLetterKey,
    Entry,
    OutboxRow,
    RequestIdReused,
    RequestKey,
    StoreHealth,
    Submitted,
    TaskQuery,
    VersionConflict,
)


class MemoryStore:
    """A Store without a disk; see `port.Store` for what each method promises.

    No method awaits anything between reading and writing, so each is a transaction.
    """

    def __init__(self) -> None:
        self._revision = Revision(0)
        self._tasks: dict[TaskId, Task] = {}
        # Every snapshot that can still be read, in order of revision: each change of state, and each Task's latest.
        self._snapshots: dict[Revision, Task] = {}
        self._progress: dict[TaskId, Revision] = {}  # of the latest snapshot, where it did not change the state
        self._requests: dict[RequestId, tuple[str, TaskId]] = {}
        self._inputs: dict[TaskId, list[InputImage]] = {}
        self._attempts: dict[Nonce, Attempt] = {}
        self._marks: dict[AccountId, AccountMark] = {}
        self._outbox = MemoryOutbox()
        self._boot: Boot | None = None
        self._doorbells = Doorbells()

    async def submit(
        self, task: Task, *, inputs: Sequence[InputImage] = (), request: RequestKey | None = None
    ) -> Submitted:
        """Store a new Task, or find the one that this request id made."""
        if request and (made := await self.by_request(request)):
            return Submitted(made, created=False)
        if present := self._tasks.get(task.id):
            raise VersionConflict(task.id, -1, present.version)
        stored = self._keep(task)
        self._inputs[task.id] = list(inputs)
        if request:
            self._requests[request.id] = (request.payload_digest, task.id)
        self._doorbells.ring()
        return Submitted(stored, created=True)

    async def by_request(self, request: RequestKey) -> Task | None:
        """Find the Task that a request id made."""
        if request.id not in self._requests:
            return None
        digest, task_id = self._requests[request.id]
        if digest != request.payload_digest:
            raise RequestIdReused(task_id)
        return self._tasks[task_id]

    async def append(self, *entries: Entry) -> list[Task]:
        """Store these in order, or none of them."""
        versions: dict[TaskId, int | None] = {}
        for task in [entry.task for entry in entries if entry.task]:
            present = versions.get(task.id, self._version(task.id))
            if present != task.version - 1:
                raise VersionConflict(task.id, task.version - 1, present)
            versions[task.id] = task.version
        stored = [kept for entry in entries if (kept := self._put(entry))]
        self._doorbells.ring()
        return stored

    def _version(self, task_id: TaskId) -> int | None:
        return self._tasks[task_id].version if task_id in self._tasks else None

    def _put(self, entry: Entry) -> Task | None:
        stored = self._keep(entry.task) if entry.task else None
        self._attempts.update({attempt.nonce: attempt for attempt in entry.attempts})
        if entry.mark:
            self._marks[entry.mark.account_id] = entry.mark
        if stored:
            self._inputs.setdefault(stored.id, []).extend(entry.inputs)
        if stored and entry.request:
            self._requests[entry.request.id] = (entry.request.payload_digest, stored.id)
        if stored and entry.notify and stored.ask.notify_url:
            self._outbox.put(stored, stored.updated_at)
        return stored

    def _keep(self, task: Task) -> Task:
        """Give the Task the next revision, and remove the progress snapshot that it supersedes."""
        present = self._tasks.get(task.id)
        self._revision = Revision(self._revision + 1)
        stored = replace(task, revision=self._revision)
        if task.id in self._progress:
            del self._snapshots[self._progress.pop(task.id)]
        if present is not None and present.state is stored.state:
            self._progress[task.id] = stored.revision
        self._tasks[task.id] = self._snapshots[stored.revision] = stored
        return stored

    async def get(self, task_id: TaskId) -> Task | None:
        """Read one Task."""
        return self._tasks.get(task_id)

    async def get_many(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Read the Tasks that exist, in the order of the ids."""
        return [self._tasks[task_id] for task_id in dict.fromkeys(task_ids) if task_id in self._tasks]

    async def find(self, query: TaskQuery) -> list[Task]:
        """Read a page of the Tasks that match."""
        found = [task for task in self._matching(query) if query.before is None or task.id < query.before]
        return sorted(found, key=lambda task: task.id, reverse=not query.oldest_first)[: query.limit]

    async def count(self, query: TaskQuery) -> int:
        """Count the Tasks that match."""
        return sum(1 for _ in self._matching(query))

    def _matching(self, query: TaskQuery) -> Iterator[Task]:
        return filter(matcher(query), self._tasks.values())

    async def history(self, task_id: TaskId, after: Revision) -> list[Task]:
        """Read one Task's snapshots after a revision."""
        return [task for task in self._newer(after) if task.id == task_id]

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        """Read all Tasks' snapshots after a revision."""
        return self._newer(after)[:limit]

    def _newer(self, after: Revision) -> list[Task]:
        newest_first = itertools.takewhile(lambda task: task.revision > after, reversed(self._snapshots.values()))
        return list(newest_first)[::-1]

    async def revision(self) -> Revision:
        """Read the newest revision."""
        return self._revision

    async def last_task_id(self) -> TaskId | None:
        """Read the largest Task id."""
        return max(self._tasks, default=None)

    async def inputs(self, task_id: TaskId) -> list[InputImage]:
        """Read a Task's input pictures."""
        return list(self._inputs.get(task_id, ()))

    async def attempts(self, task_id: TaskId) -> list[Attempt]:
        """Read a Task's Attempts, oldest first."""
        return self._attempts_where(lambda attempt: attempt.task_id == task_id)

    async def recent_attempts(self, account_id: AccountId, since: datetime) -> list[Attempt]:
        """Read an Account's Attempts that are open or recent."""
        return self._attempts_where(
            lambda attempt: attempt.account_id == account_id and (attempt.is_open or attempt.sent_at > since)
        )

    def _attempts_where(self, matches: Callable[[Attempt], bool]) -> list[Attempt]:
        return sorted(filter(matches, self._attempts.values()), key=lambda attempt: attempt.sent_at)

    async def marks(self) -> list[AccountMark]:
        """Read every Account's mark."""
        return sorted(self._marks.values(), key=lambda mark: mark.account_id)

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Read the first notice of each Task, if it is due."""
        included, excluded = frozenset(save), frozenset(besides or ())

        def is_wanted(row: OutboxRow) -> bool:
            place = place_of(row.url)
            return place.host in included or (besides is not None and excluded.isdisjoint(place))

        return [row for row in self._outbox.due(now) if is_wanted(row)][:limit]

    async def outbox_delivered(self, sequence: int) -> None:
        """Remove a delivered notice."""
        self._outbox.rows.pop(sequence, None)
        self._doorbells.ring()

    async def outbox_retry(self, sequence: int, due_at: datetime) -> None:
        """Count a failed try."""
        self._outbox.retry(sequence, due_at)
        self._doorbells.ring()

    async def outbox_give_up(self, sequence: int, problem: str, now: datetime) -> None:
        """Move a notice to the dead letters."""
        self._outbox.give_up(sequence, problem, now)
        self._doorbells.ring()

    async def dead_letters(
        self, task_id: TaskId | None = None, before: DeadLetterKey | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Read a page of the dead letters."""
        return self._outbox.dead_letters(task_id, before)[:limit]

    async def redeliver(self, task_id: TaskId, revision: Revision, now: datetime) -> bool:
        """Move a dead letter back to the outbox."""
        is_moved = self._outbox.redeliver(task_id, revision, now)
        self._doorbells.ring()
        return is_moved

    async def forget_dead_letters(self, before: datetime) -> None:
        """Remove old dead letters."""
        self._outbox.forget(before)
        self._doorbells.ring()

    async def boot(self, boot_id: str) -> Boot | None:
        """Return the boot that was stored last, if it has this id."""
        return self._boot if self._boot and self._boot.id == boot_id else None

    async def follow_clock(self, boot: Boot, young: datetime) -> timedelta:
        """Shift the times of unfinished work after the clock was set."""
        step = step_between(self._boot, boot)
        self._boot = boot
        for task in [task for task in self._tasks.values() if step and task.state in UNFINISHED]:
            self._keep(replace(redated(task, step), version=task.version + 1))
        for attempt in self._attempts_where(lambda attempt: attempt.is_open or attempt.sent_at > young):
            self._attempts[attempt.nonce] = redated_attempt(attempt, step)
        self._outbox.move(step)
        self._doorbells.ring()
        return step

    def outbox_doorbell(self) -> AbstractAsyncContextManager[Bell]:
        """Listen for changes."""
        return self._doorbells.listen()

    def doorbell(self) -> AbstractAsyncContextManager[Bell]:
        """Listen for changes."""
        return self._doorbells.listen()

    @property
    def health(self) -> StoreHealth:
        """Always healthy: there is no database to lose."""
        return StoreHealth(is_available=True, rows_quarantined=0)

    async def check_health(self) -> StoreHealth:
        """Always healthy: there is no database to lose."""
        return self.health

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
