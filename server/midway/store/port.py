"""The Store: durable Tasks, Attempts, Accounts' marks and the webhook outbox, behind a few methods.

Code that delivers notices needs an `Outbox`, code that watches Tasks a `TaskStore`; one database is both.
Rules that every implementation keeps and `tests/store/` checks:

- When a call returns, its write is on disk. When it raises, nothing was changed, except perhaps with WriteInDoubt.
- Each write of a Task must have the version after the stored one, so that only one writer, its owner, can write it.
  The Store gives each write its revision; revisions are one increasing sequence over all Tasks.
- Each change of state is kept in the Task's history for ever; of the progress within a state only the latest is kept.
- The doorbell says that something changed. A ring may be lost or come twice; only the table says what changed.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from msgspec import Struct

from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.attempt import Attempt
from midway.domain.clock_step import Boot
from midway.domain.ids import AccountId, RequestId, Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import State, Task


class DatabaseRefused(Exception):
    """The database is not opened, and nothing in it was changed; the operator fixes what the message says."""

    def __init__(self, database: str, why: str) -> None:
        super().__init__(f"{database}: {why}")
        self.database = database  # its path or address


class StoreUnavailable(Exception):
    """The disk (or database) fails; nothing was stored; retry after back-off."""


class TaskUnreadable(Exception):
    """What is stored of a Task cannot be read, and is quarantined; another version, or a person, may mend it."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(f"what is stored of task {task_id} cannot be read")
        self.task_id = task_id


class WriteInDoubt(StoreUnavailable):
    """The database's files were moved or replaced during this write: it may be there after the next start, or not."""


class VersionConflict(Exception):
    """Another writer changed the Task since it was read; read it again and decide again."""

    def __init__(self, task_id: TaskId, expected: int, actual: int | None) -> None:
        super().__init__(f"task {task_id}: expected version {expected}, found {actual}")
        self.task_id = task_id
        self.expected = expected
        self.actual = actual


class RequestIdReused(Exception):
    """The request id belongs to a Task with another payload; the caller picks a new id."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(f"the request id already made task {task_id} from another payload")
        self.task_id = task_id


class RequestKey(Struct, frozen=True):
    """An AIP-155 request id with a digest of the request's payload."""

    id: RequestId
    payload_digest: str


class Submitted(Struct, frozen=True):
    """The Task as stored, and whether this call made it."""

    task: Task
    created: bool


class TaskQuery(Struct, frozen=True, kw_only=True):
    """Which Tasks to read. An empty field matches all. `before` is exclusive: only Tasks with a smaller id."""

    states: frozenset[State] = frozenset()
    actions: frozenset[Action] = frozenset()
    account_id: AccountId | None = None
    parent_id: TaskId | None = None
    client_state: str | None = None
    before: TaskId | None = None
    oldest_first: bool = False
    limit: int = 100


class AccountMark(Struct, frozen=True):
    """What must survive a restart about an Account: whether it may act, why not, and since when."""

    account_id: AccountId
    state: AccountState
    reason: str
    since: datetime


class Entry(Struct, frozen=True, kw_only=True):
    """One decision; it is written whole or not at all.

    `task` has the version after the stored one. `attempts` are new or changed; `inputs` are added after those that the
    Task has. With `notify`, and a `notify_url` in the Task, an outbox row is added for it. That row replaces the
    Task's earlier rows of progress in the same state, except the Task's first row, which may be being delivered; a row
    with the Task's end replaces none. With `request`, that request id belongs to the Task from now on; the caller has
    checked with `by_request` that it is unused.
    """

    task: Task | None = None
    attempts: tuple[Attempt, ...] = ()
    inputs: tuple[InputImage, ...] = ()
    mark: AccountMark | None = None
    notify: bool = False
    request: RequestKey | None = None


class OutboxRow(Struct, frozen=True):
    """One webhook notice not delivered yet. `sequence` orders the notices of one Task."""

    sequence: int
    task: Task  # as it was at the change
    url: str
    tries: int
    due_at: datetime
    since: datetime  # when it was added, or redelivered


class DeadLetterKey(NamedTuple):
    """The sort key of dead letters, for paging."""

    died_at: datetime
    task_id: TaskId
    revision: Revision


class DeadLetter(Struct, frozen=True):
    """A webhook notice that was given up, identified by its Task's id and revision."""

    task: Task  # as it was at the change
    url: str
    tries: int
    problem: str  # of the last try
    died_at: datetime

    @property
    def key(self) -> DeadLetterKey:
        """Its sort key."""
        return DeadLetterKey(self.died_at, self.task.id, self.task.revision)


class StoreHealth(Struct, frozen=True):
    """The health of a Store."""

    is_available: bool  # False while its database is known to be moved or replaced, and every write is refused
    rows_quarantined: int  # set aside since it was opened, because they could not be read


class Doorbell(Protocol):
    """Rings when anything changed."""

    async def wait(self) -> None:
        """Return at the next change, or at once when one happened since the last return."""


class TaskStore(Protocol):
    """Durable Tasks, with what belongs to them. All methods may raise StoreUnavailable.

    A row that cannot be read is skipped where several are read; reading that Task alone raises TaskUnreadable.
    """

    async def submit(
        self, task: Task, *, inputs: Sequence[InputImage] = (), request: RequestKey | None = None
    ) -> Submitted:
        """Store a new Task durably with its input pictures, or find the one this request id already made.

        Returns the Task with its first revision, and whether it is new.
        Raises RequestIdReused when the id belongs to a Task with another payload.
        """

    async def by_request(self, request: RequestKey) -> Task | None:
        """Find the Task that a request id already made. Raises RequestIdReused when its payload was another."""

    async def append(self, *entries: Entry) -> list[Task]:
        """Write these in order, in one transaction; return the Tasks as stored, with their revisions.

        Raises VersionConflict when the stored version of a Task is not the one before; then nothing is written.
        """

    async def get(self, task_id: TaskId) -> Task | None:
        """Read one Task. Raises TaskUnreadable."""

    async def get_many(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Read those of these Tasks that exist, in the order of the ids, each once."""

    async def find(self, query: TaskQuery) -> list[Task]:
        """Read Tasks by query; newest first unless `oldest_first` is set."""

    async def count(self, query: TaskQuery) -> int:
        """Count the Tasks a query matches, whatever its limit and `before`."""

    async def history(self, task_id: TaskId, after: Revision) -> list[Task]:
        """Read a Task's snapshots after a revision: one for each change of state, then the latest if it is newer still.

        In order of revision. Empty when nothing changed since.
        """

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        """Read all Tasks' snapshots after a revision: those that `history` returns, in order of revision."""

    async def revision(self) -> Revision:
        """Read the newest revision given so far."""

    async def last_task_id(self) -> TaskId | None:
        """Read the largest Task id stored."""

    async def inputs(self, task_id: TaskId) -> list[InputImage]:
        """Read a Task's input pictures in the order they were stored. Raises TaskUnreadable when one cannot be read."""

    async def attempts(self, task_id: TaskId) -> list[Attempt]:
        """Read a Task's Attempts, oldest first."""

    async def recent_attempts(self, account_id: AccountId, since: datetime) -> list[Attempt]:
        """Read an Account's Attempts that are open, or were sent after `since`; oldest first."""

    async def marks(self) -> list[AccountMark]:
        """Read every Account's mark."""

    def doorbell(self) -> AbstractAsyncContextManager[Doorbell]:
        """Listen for changes while the context is open."""


class Outbox(Protocol):
    """Durable webhook notices: added by `TaskStore.append`, read by the sender.

    All methods may raise StoreUnavailable. A row that cannot be read is skipped.
    """

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Read the oldest undelivered notice of each Task, if it is due; later notices of a Task wait for it.

        Notices for the hosts (`host:port`) and domains in `besides` are left out; with None, all are. Those for the
        hosts in `save` are read in any case.
        """

    async def outbox_delivered(self, sequence: int) -> None:
        """Remove a delivered notice."""

    async def outbox_retry(self, sequence: int, due_at: datetime) -> None:
        """Count a failed try and set when to try again."""

    async def outbox_give_up(self, sequence: int, problem: str, now: datetime) -> None:
        """Move a notice to the dead letters, counting the last try; the Task's next notice can now be due."""

    async def dead_letters(
        self, task_id: TaskId | None = None, before: DeadLetterKey | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Read dead letters, of one Task or of all, newest first; `before` is exclusive and starts the next page."""

    async def redeliver(self, task_id: TaskId, revision: Revision, now: datetime) -> bool:
        """Put a dead letter back into the outbox, due now and with no tries counted; False when there is none."""

    async def forget_dead_letters(self, before: datetime) -> None:
        """Remove the dead letters that were given up before this time."""

    def outbox_doorbell(self) -> AbstractAsyncContextManager[Doorbell]:
        """Listen for new notices while the context is open; it may ring for other changes, too."""


class Store(TaskStore, Outbox, Protocol):
    """One database with Tasks and outbox, and what concerns the whole database."""

    async def boot(self, boot_id: str) -> Boot | None:
        """Read when this boot of the machine began, by the clock that stored times go by; None: not stored."""

    async def follow_clock(self, boot: Boot, young: datetime) -> timedelta:
        """Store when the machine's boot began. If that differs from before, the clock was set: shift stored times.

        Shifts those of unfinished Tasks, of Attempts that are open or were sent after `young`, of undelivered notices
        and of dead letters, all in one transaction; only of what was stored before this call. A shifted Task gets its
        next version: whoever holds it in memory has to read it again.
        A second call with the same boot changes nothing. Returns by how much the clock was set.
        """

    @property
    def health(self) -> StoreHealth:
        """The health at the last check or write."""

    async def check_health(self) -> StoreHealth:
        """Check whether the database's files are still where they were opened; return the health."""

    async def close(self) -> None:
        """Finish what is being written and release the files."""
