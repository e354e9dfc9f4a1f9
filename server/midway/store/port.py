"""The Store: Tasks, Attempts, Accounts' marks and the webhook outbox, durable, behind a few verbs.

Whoever delivers notices needs an `Outbox`, whoever watches Tasks a `TaskStore`; one database is both.
Rules that every implementation keeps and `tests/store/` proves:

- A write has happened on disk when the call returns; a call that raises has changed nothing, save by WriteInDoubt.
- Every write of a Task is of the version after the stored one, so a Task has one writer, its owner. The Store gives
  each write its revision; revisions are one increasing sequence over all Tasks.
- A change of state is kept in the Task's history for ever; progress between two states keeps only the latest.
- The doorbell tells that something changed. It may be lost or rung twice: the table is the truth.
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
    """The database is not opened, and nothing in it was changed; the operator mends what the message says."""

    def __init__(self, database: str, why: str) -> None:
        super().__init__(f"{database}: {why}")
        self.database = database  # its path, or where it is


class StoreUnavailable(Exception):
    """The disk (or database) refuses; nothing was stored; retry after back-off."""


class TaskUnreadable(Exception):
    """What is stored of a Task cannot be read, and is quarantined; another version, or a person, may mend it."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(f"what is stored of task {task_id} cannot be read")
        self.task_id = task_id


class WriteInDoubt(StoreUnavailable):
    """The database was taken away while this was written: it may be there after the next start, or not."""


class VersionConflict(Exception):
    """Somebody else wrote the Task since it was read; read again and decide again."""

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
    """An AIP-155 request id with a digest of what came with it."""

    id: RequestId
    payload_digest: str


class Submitted(Struct, frozen=True):
    """The Task as stored, and whether this call made it."""

    task: Task
    created: bool


class TaskQuery(Struct, frozen=True, kw_only=True):
    """Which Tasks; every field left empty matches all. `before` is exclusive and pages newest first."""

    states: frozenset[State] = frozenset()
    actions: frozenset[Action] = frozenset()
    account_id: AccountId | None = None
    parent_id: TaskId | None = None
    client_state: str | None = None
    before: TaskId | None = None
    oldest_first: bool = False
    limit: int = 100


class AccountMark(Struct, frozen=True):
    """What must outlive a restart about an Account: whether it may act, why not, and since when."""

    account_id: AccountId
    state: AccountState
    reason: str
    since: datetime


class Entry(Struct, frozen=True, kw_only=True):
    """What was decided at once, and is written whole or not at all.

    `task` is of the version after the stored one. `attempts` are new or changed; `inputs` come after those that the
    Task has. With `notify` and a `notify_url`, an outbox row tells of the Task. It takes the place of the rows before
    it that tell of earlier progress in the same state, save the Task's first row, which may be on its way; a row that
    tells of the end stays in any case. With `request`, that request id belongs to the Task from now on; the caller has
    looked with `by_request` before.
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
    since: datetime  # when it was put there, or sent again


class DeadLetterKey(NamedTuple):
    """Where a dead letter stands in their list."""

    died_at: datetime
    task_id: TaskId
    revision: Revision


class DeadLetter(Struct, frozen=True):
    """A webhook notice that was given up; its Task's id and revision name it."""

    task: Task  # as it was at the change
    url: str
    tries: int
    problem: str  # of the last try
    died_at: datetime

    @property
    def key(self) -> DeadLetterKey:
        """Where it stands in the list."""
        return DeadLetterKey(self.died_at, self.task.id, self.task.revision)


class StoreHealth(Struct, frozen=True):
    """How a Store fares."""

    is_available: bool  # False while its database is known to be away, and every write is refused
    rows_quarantined: int  # since it was opened; they could not be read


class Doorbell(Protocol):
    """Rings when anything changed."""

    async def wait(self) -> None:
        """Return at the next change, or at once when one happened since the last return."""


class TaskStore(Protocol):
    """Durable Tasks, with what belongs to them. All methods may raise StoreUnavailable.

    A row that cannot be read is passed over where several are read; asking for that Task alone raises TaskUnreadable.
    """

    async def submit(
        self, task: Task, *, inputs: Sequence[InputImage] = (), request: RequestKey | None = None
    ) -> Submitted:
        """Store a new Task durably with its input pictures, or find the one this request id already made.

        Returns the Task with its first revision, and whether it is new.
        Raises RequestIdReused when the id belongs to a Task with another payload.
        """

    async def by_request(self, request: RequestKey) -> Task | None:
        """Find the Task that a request id already made. Raises RequestIdReused when it came with another payload."""

    async def append(self, *entries: Entry) -> list[Task]:
        """Write these in order, in one transaction; return the Tasks as stored, with their revisions.

        Raises VersionConflict when a Task is not at the version before; then nothing of it all is written.
        """

    async def get(self, task_id: TaskId) -> Task | None:
        """Read one Task. Raises TaskUnreadable."""

    async def get_many(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Read the Tasks that exist among these, in the order asked, each once."""

    async def find(self, query: TaskQuery) -> list[Task]:
        """Read Tasks by query; newest first unless it says otherwise."""

    async def count(self, query: TaskQuery) -> int:
        """Count the Tasks a query matches, whatever its limit and `before`."""

    async def history(self, task_id: TaskId, after: Revision) -> list[Task]:
        """Read the snapshots at every change of state after a revision, then the present one if it is newer still.

        In order of revision. Empty when nothing changed since.
        """

    async def changes(self, after: Revision, limit: int = 1000) -> list[Task]:
        """Read what changed after a revision over all Tasks: each snapshot that `history` would give, in order."""

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
    """Durable webhook notices: put there by `TaskStore.append`, and read by what delivers them.

    All methods may raise StoreUnavailable. A row that cannot be read is passed over.
    """

    async def outbox_due(
        self, now: datetime, limit: int = 100, besides: Collection[str] | None = (), save: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Read the oldest undelivered notice of each Task that is due; later ones of a Task wait for it.

        Those for the hosts (`host:port`) and domains in `besides` are passed over, with None those for all, save those
        for the hosts in `save`.
        """

    async def outbox_delivered(self, sequence: int) -> None:
        """Remove a delivered notice."""

    async def outbox_retry(self, sequence: int, due_at: datetime) -> None:
        """Count a failed try and set when to try again."""

    async def outbox_give_up(self, sequence: int, problem: str, now: datetime) -> None:
        """Move a notice to the dead letters, the last try counted; the next one of its Task is free to go."""

    async def dead_letters(
        self, task_id: TaskId | None = None, before: DeadLetterKey | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Read dead letters, of one Task or of all, the last one to die first; `before` pages on."""

    async def redeliver(self, task_id: TaskId, revision: Revision, now: datetime) -> bool:
        """Put a dead letter into the outbox again, due now and with nothing tried; False when there is none."""

    async def forget_dead_letters(self, before: datetime) -> None:
        """Remove the dead letters that died before this time."""

    def outbox_doorbell(self) -> AbstractAsyncContextManager[Doorbell]:
        """Listen for what may be new in the outbox; it may ring for other changes, too."""


class Store(TaskStore, Outbox, Protocol):
    """One database with both, and what concerns it as a whole."""

    async def boot(self, boot_id: str) -> Boot | None:
        """Read when this boot of the machine began by the clock that stored times are told by; None: not known."""

    async def follow_clock(self, boot: Boot, young: datetime) -> timedelta:
        """Remember when the machine's boot began; where that moved since, the clock was set: move stored times along.

        Those of unfinished Tasks, of Attempts that are open or were sent after `young`, of undelivered notices and of
        dead letters, all in one transaction. What was stored before this call is moved, what comes after it is not. A
        Task that is moved has its next version: who holds it in memory has to read it anew.
        Doing it again changes nothing. Returns by how much the clock was set.
        """

    @property
    def health(self) -> StoreHealth:
        """How it fares, as it was seen last."""

    async def check_health(self) -> StoreHealth:
        """Look whether the database is where it was opened, and say how the Store fares."""

    async def close(self) -> None:
        """Finish what is being written and release the files."""
