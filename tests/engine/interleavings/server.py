"""One Account's core with what its worker does for it: a disk that lags behind, Interactions on their way, an inbox."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from midway.discord.event import Connected, Disconnected, Event, Message
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, Nonce, TaskId, UserId
from midway.domain.task import RUNNING, Task
from midway.engine.account_config import AccountConfig
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside, Post, Prepare, ReadHistory, Relocate, Write
from midway.engine.limits import Limits
from midway.store.port import AccountMark, Entry

from tests.engine.drawing import CountedNonces
from tests.support.clocks import StillMachine

QUICK_DISK_SECONDS = 1.0

Decision = Callable[[Core], list[Outside]]


class Broken(Exception):
    """A rule that must hold does not."""


@dataclass(eq=False)
class Held:
    """An Interaction that waits until as many entries are durable."""

    post: Post
    entries: int
    due: float
    postponed: int = 0


@dataclass(eq=False)
class Read:
    """A look at the channel; `shown` is what it shows once Discord answers."""

    after: MessageId | None
    limit: int
    due: float
    shown: list[Message] | None = None


@dataclass(eq=False)
class Server:
    """Runs one core as its worker does, each thing a step of its own. A crash takes all that is not on the disk."""

    config: AccountConfig
    user_id: UserId
    limits: Limits
    machine: StillMachine
    nonces: CountedNonces
    job_owner: Callable[[JobId], Nonce | None]
    disk_seconds: float  # an entry takes at most, and so does what waits for it
    # On the disk.
    tasks: dict[TaskId, Task] = field(default_factory=dict)
    attempts: dict[Nonce, Attempt] = field(default_factory=dict)
    mark: AccountMark | None = None
    # Lost by a crash.
    core: Core = field(init=False)
    life: int = 0  # counts the processes
    written: dict[TaskId, Task] = field(default_factory=dict)
    announced: set[Nonce] = field(default_factory=set)
    journal: deque[Entry] = field(default_factory=deque)
    store_due: float = 0.0  # when the oldest entry is durable at the latest; 0: there is none
    stored: int = 0  # entries of this process that are durable
    held: list[Held] = field(default_factory=list)
    preparing: list[Prepare] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    inbox: deque[tuple[str, Decision]] = field(default_factory=deque)
    is_connected: bool = False
    has_session: bool = False  # that may be resumed: what it misses is kept

    def __post_init__(self) -> None:
        self._begin()

    @property
    def id(self) -> AccountId:
        """The Account that it runs."""
        return self.config.id

    @property
    def channel_id(self) -> ChannelId:
        """Where the Account acts."""
        return self.config.channel_id

    @property
    def can_leave(self) -> bool:
        """Whether the oldest Interaction that waits for the disk waits no more."""
        return bool(self.held) and self.held[0].entries <= self.stored

    def do(self, decide: Decision) -> None:
        """Decide something, then look around."""
        self._carry_out(decide(self.core))
        self.look_around()

    def look_around(self) -> None:
        """Do what is due."""
        self._carry_out(self.core.look_around(is_connected=self.is_connected))

    def submit(self, task: Task) -> None:
        """Take a Task that a client has stored."""
        self.tasks[task.id] = self.written[task.id] = task
        self.core.take(task)
        self.look_around()

    def hear(self, event: Event) -> None:
        """Put an event of the gateway into the inbox."""
        self.inbox.append((type(event).__name__, lambda core: core.hear(event)))

    def handle(self) -> str:
        """Do what waits longest in the inbox; return what it was."""
        name, decide = self.inbox.popleft()
        self._carry_out(decide(self.core))
        return name

    def connect(self, *, resumed: bool) -> None:
        """Have a session: what it missed comes behind."""
        self.is_connected = self.has_session = True
        self.inbox.appendleft(("Connected", lambda core: core.hear(Connected(self.user_id, "owner", resumed=resumed))))

    def disconnect(self) -> None:
        """Lose the session."""
        self.is_connected = False
        self.do(lambda core: core.hear(Disconnected("lost")))

    def store(self) -> None:
        """Have the oldest entry durable."""
        entry = self.journal.popleft()
        self.store_due = self.machine.monotonic() + self.disk_seconds if self.journal else 0.0
        self.stored += 1
        if entry.mark is not None:
            self.mark = entry.mark
        for attempt in entry.attempts:
            self.attempts[attempt.nonce] = attempt
        if entry.task is not None:
            before = self.tasks[entry.task.id]
            if entry.task.version != before.version + 1:
                raise Broken(f"task {entry.task.id}: version {entry.task.version} after {before.version}")
            self.tasks[entry.task.id] = entry.task

    def hold(self, post: Post, postponed: int = 0) -> None:
        """Keep an Interaction until all that was decided is durable."""
        due = self.machine.monotonic() + 2 * self.disk_seconds
        self.held.append(Held(post, self.stored + len(self.journal), due, postponed))

    def crash(self) -> None:
        """Die, and begin anew from the disk; no session yet."""
        self.life += 1
        self.stored, self.store_due, self.is_connected, self.has_session = 0, 0.0, False, False
        for lost in (self.journal, self.held, self.preparing, self.reads, self.inbox, self.announced):
            lost.clear()
        self.written = dict(self.tasks)
        self._begin()
        self.core.load(self.mark, self.tasks.values(), self.attempts.values())

    def recover(self) -> None:
        """Begin anew after a defect ended the worker: all that was decided is stored, what ran beside it is gone."""
        while self.journal:
            self.store()
        self.life += 1
        for lost in (self.held, self.preparing, self.reads):
            lost.clear()
        self.core.recover(self.tasks.values(), self.attempts.values())
        self.look_around()

    def _begin(self) -> None:
        self.core = Core(self.config, self.limits, self.machine.clock(), self.nonces)

    def _carry_out(self, effects: Iterable[Outside]) -> None:
        for effect in effects:
            match effect:
                case Write(entry):
                    self._check(entry)
                    self.journal.append(entry)
                    self.store_due = self.store_due or self.machine.monotonic() + self.disk_seconds
                case Prepare():
                    self.preparing.append(effect)
                case Post(nonce, _):
                    if nonce not in self.announced:
                        raise Broken(f"{nonce} is to be posted before its attempt is written")
                    self.hold(effect)
                case ReadHistory(after, limit):
                    self.reads.append(Read(after, limit, self.machine.monotonic() + 4))
                case Relocate(tasks):
                    for task in tasks:
                        self._carry_out(self.core.keep_waiting(task.id))
                case _:
                    raise Broken(f"nothing of this script asks for {effect}")

    def _check(self, entry: Entry) -> None:
        """Check what was decided before anybody hears of it."""
        for attempt in entry.attempts:
            self.announced.add(attempt.nonce)
            if attempt.job_id is not None and self.job_owner(attempt.job_id) != attempt.nonce:
                raise Broken(f"attempt {attempt.nonce} is given the job of {self.job_owner(attempt.job_id)}")
        task = entry.task
        if task is None:
            return
        before = self.written[task.id]
        if before.state.is_terminal and task.state is not before.state:
            raise Broken(f"task {task.id} was {before.state} and is {task.state}")
        self.written[task.id] = task
        if task.job_id is not None and not self._is_own(task, task.job_id):
            raise Broken(f"task {task.id} has a picture of {self.job_owner(task.job_id)}")
        if task.state in RUNNING and sum(each.state in RUNNING for each in self.written.values()) > self.config.slots:
            raise Broken(f"more than {self.config.slots} tasks run")

    def _is_own(self, task: Task, job_id: JobId) -> bool:
        attempt = self.core.ledger.attempt(self.job_owner(job_id))
        return attempt is not None and attempt.task_id == task.id


def kind_of(task: Task) -> AttemptKind:
    """Return what a Task begins with."""
    return AttemptKind.PRESS if task.ask.custom_id else AttemptKind.COMMAND
