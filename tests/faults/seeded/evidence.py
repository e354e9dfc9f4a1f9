"""What everybody saw in one run; the guarantees are judged by it alone."""

from dataclasses import dataclass, field
from typing import Any

from midway.domain.attempt import Attempt
from midway.domain.ids import TaskId
from midway.domain.task import Task

from tests.faults.seeded.plan import Errand, Plan

Json = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One update that a watcher was given."""

    revision: int
    state: str  # as in the domain
    late: bool = False


@dataclass
class WatchLog:
    """Everything one client saw of one Task, over hang-ups and restarts."""

    task_id: str
    seen: list[Seen] = field(default_factory=list)


@dataclass(frozen=True)
class Notice:
    """One POST that the webhook receiver got. `taken`: it answered 2xx."""

    id: str
    task_id: str
    status: str  # of the old API
    body: Json
    taken: bool


@dataclass(frozen=True)
class Acknowledged:
    """A submit that was answered. `retold` is the id that a repetition of the same request got."""

    task_id: str
    errand: Errand
    step: str  # the verb, or the follow-up's name
    prompt: str


@dataclass(kw_only=True)
class Evidence:
    """One run, whole."""

    plan: Plan
    slots: int
    acknowledged: list[Acknowledged] = field(default_factory=list)
    watches: list[WatchLog] = field(default_factory=list)
    everything: WatchLog = field(default_factory=lambda: WatchLog("*"))  # the watch of all Tasks
    notices: list[Notice] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)  # errands that did not end in time
    tasks: dict[TaskId, Task] = field(default_factory=dict)
    histories: dict[TaskId, list[Task]] = field(default_factory=dict)
    attempts: dict[TaskId, list[Attempt]] = field(default_factory=dict)
    pictures: dict[TaskId, dict[str, str]] = field(default_factory=dict)  # what the simulator wrote into them
    journal: list[Json] = field(default_factory=list)
    account_states: dict[str, str] = field(default_factory=dict)  # at the end
    starts: int = 0  # of the server

    def lines(self, kind: str) -> list[Json]:
        """Return the simulator's journal of one kind."""
        return [line for line in self.journal if line["kind"] == kind]

    def nonces(self, task_id: TaskId) -> set[str]:
        """Return every nonce that was given to a Task."""
        return {attempt.nonce for attempt in self.attempts.get(task_id, ())}
