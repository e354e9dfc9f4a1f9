"""One Account's Tasks and Attempts in memory, ahead of the Store, to which every change is written later, in order.

Only the Account's `core` changes it, so each Task has one writer, which counts its versions. The revisions here may be
out of date, as the Store assigns them.
"""

from collections.abc import Iterable
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from midway.domain.action import TRAITS
from midway.domain.attempt import Attempt
from midway.domain.ids import Nonce, TaskId
from midway.domain.lifecycle import Event, allows, apply
from midway.domain.notice import deserves_notice
from midway.domain.task import RUNNING, State, Task
from midway.engine.clock import Clock
from midway.engine.core.attempt_index import Index
from midway.engine.core.effects import Change
from midway.engine.limits import Limits
from midway.store.port import Entry


class Ledger:
    """An Account's unfinished Tasks, and all Attempts for which a message may still come."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.index = Index()
        self.tasks: dict[TaskId, Task] = {}  # including ended ones, while a late picture may come
        # Subsets of `tasks`, so that no step has to go through all ended Tasks or a long queue.
        self._unfinished: dict[TaskId, Task] = {}
        self._waiting: dict[bool, dict[TaskId, Task]] = {True: {}, False: {}}  # by whether it takes a drawing slot
        self.running: dict[TaskId, Task] = {}
        self.lost: set[TaskId] = set()  # dropped, and to be read again; their Attempts stay until then

    def load(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Replace all Tasks and Attempts by those of the Store. What is known of other sessions' jobs is kept."""
        self.index = self.index.with_only(attempts)
        for known in self._parts():
            known.clear()
        self.lost.clear()
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Add a Task, or replace it by its newer state."""
        self.tasks[task.id] = task
        _put_if(not task.state.is_terminal, self._unfinished, task)
        _put_if(task.state is State.QUEUED, self._waiting[TRAITS[task.action].takes_slot], task)
        _put_if(task.state in RUNNING, self.running, task)

    def drop(self, task_id: TaskId) -> None:
        """Remove a Task, for example because another Account's worker writes it from now on."""
        for tasks in self._parts():
            tasks.pop(task_id, None)

    def lose(self, task_id: TaskId) -> None:
        """Remove a Task whose changes could not be stored, until `replace`; its Attempts stay."""
        self.drop(task_id)
        self.lost.add(task_id)

    def _parts(self) -> tuple[dict[TaskId, Task], ...]:
        return self.tasks, self._unfinished, *self._waiting.values(), self.running

    def change(self, change: Change) -> Entry | None:
        """Apply a change; return the entry to be stored, or None when nothing changed.

        Events that the Task's state does not allow came too late and are ignored.
        """
        before = self.tasks.get(change.task_id)
        if before is None:
            return None
        after = self._applied(before, change.events)
        if after is before:
            return self.learn(change.attempts)
        after = replace(after, version=before.version + 1)
        notify = deserves_notice(before, after)
        news = self._put(change.attempts)
        self.add(after)  # last, so that the version is not counted up if anything before raises
        return Entry(task=after, attempts=news, inputs=change.inputs, notify=notify, request=change.request)

    def learn(self, attempts: Iterable[Attempt]) -> Entry | None:
        """Add or update Attempts; return the entry to be stored, or None when nothing changed."""
        news = self._put(attempts)
        return Entry(attempts=news) if news else None

    def _put(self, attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
        news = tuple(attempt for attempt in attempts if self.index.by_nonce.get(attempt.nonce) != attempt)
        for attempt in news:
            self.index.decide(attempt)
        return news

    def replace(self, task_id: TaskId, task: Task | None, attempts: Iterable[Attempt]) -> None:
        """Replace a Task and its Attempts by those of the Store; None: the Task is not this Account's.

        Attempts that the Store does not have were never sent.
        """
        self.drop(task_id)
        self.lost.discard(task_id)
        for attempt in self.attempts(task_id):
            self.index.drop(attempt)
        if task is not None:
            for attempt in attempts:
                self.index.put(attempt)
            self.add(task)

    def attempts(self, task_id: TaskId) -> list[Attempt]:
        """Return a Task's Attempts, oldest first."""
        return [self.index.by_nonce[nonce] for nonce in self.index.by_task.get(task_id, ())]

    def waiting(self, *, drawing: bool) -> list[Task]:
        """Return the QUEUED Tasks that need a drawing slot (`drawing` false: an unqueued slot), oldest first."""
        return sorted(self._waiting[drawing].values(), key=attrgetter("id"))

    @property
    def waiting_count(self) -> int:
        """How many Tasks are QUEUED."""
        return sum(map(len, self._waiting.values()))

    def unfinished(self) -> list[Task]:
        """Return every Task that has not ended."""
        return list(self._unfinished.values())

    def has_unfinished(self) -> bool:
        """Tell whether there is any unfinished Task or open Attempt, so that sweeps are needed."""
        return bool(self._unfinished) or any(True for _ in self.index.open())

    def occupied(self, *, drawing: bool) -> set[TaskId]:
        """Return the running Tasks that hold a drawing slot (`drawing` false: an unqueued slot).

        An ended Task holds none, even if Midjourney still draws it.
        """
        return {task.id for task in self.running.values() if TRAITS[task.action].takes_slot is drawing}

    @property
    def drawing_count(self) -> int:
        """How many Tasks hold a drawing slot."""
        return sum(TRAITS[task.action].takes_slot for task in self.running.values())

    def ended(self, task_id: TaskId, *, settled: bool) -> tuple[Attempt, ...]:
        """Return a Task's open Attempts (`settled`: its unsettled ones, too) as ended now; changes nothing."""
        now = self._clock.now()
        return tuple(
            replace(attempt, ended_at=now, settled=settled)
            for attempt in self.attempts(task_id)
            if attempt.is_open or (settled and not attempt.settled)
        )

    def forget_old(self) -> None:
        """Remove ended Tasks and Attempts older than the late window, and all settled ones but the newest.

        As many settled ones are kept as a read of the history returns messages, so that each message can be matched.
        """
        horizon = self._clock.now() - self._limits.late_window
        attempts = self.index.by_nonce.values()
        ended = [(a.ended_at, a) for a in attempts if a.settled and a.ended_at and a.task_id not in self._unfinished]
        oldest_first = [attempt for _, attempt in sorted(ended, key=itemgetter(0))]
        surplus = oldest_first[: -self._limits.max_history_messages]
        for attempt in [*surplus, *(a for a in attempts if not a.is_open and a.sent_at < horizon)]:
            self.index.drop(attempt)
        kept = {attempt.task_id for attempt in attempts}
        for task in [t for t in self.tasks.values() if t.state.is_terminal and t.id not in kept]:
            del self.tasks[task.id]

    def _applied(self, task: Task, events: Iterable[Event]) -> Task:
        now = self._clock.now()
        for event in events:
            if allows(task.state, type(event)):
                task = apply(task, event, now)
        return task

    def attempt(self, nonce: Nonce | None) -> Attempt | None:
        """Return the Attempt with this nonce, if it is ours."""
        return self.index.by_nonce.get(nonce) if nonce else None


def _put_if(belongs: bool, tasks: dict[TaskId, Task], task: Task) -> None:
    if belongs:
        tasks[task.id] = task
    else:
        tasks.pop(task.id, None)
