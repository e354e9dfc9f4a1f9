"""What one Account is doing, in memory: ahead of the Store, which is told of each change in order.

Only the Account's `core` changes it, so a Task has one writer, which counts its versions. The revisions in here are
old: the Store gives them.
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
    """An Account's unfinished Tasks, and every Attempt from which a message may still come."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.index = Index()
        self.tasks: dict[TaskId, Task] = {}  # ended ones too, while a late picture may come
        # Parts of them, so that neither a day's ended Tasks nor a long queue is looked through at every step.
        self._unfinished: dict[TaskId, Task] = {}
        self._waiting: dict[bool, dict[TaskId, Task]] = {True: {}, False: {}}  # by whether it takes a drawing slot
        self.running: dict[TaskId, Task] = {}
        self.lost: set[TaskId] = set()  # dropped, to be read anew; their Attempts stay until then

    def load(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Take over what the Store has, in the place of all that was known. Other sessions' jobs stay known."""
        self.index = self.index.with_only(attempts)
        for known in self._parts():
            known.clear()
        self.lost.clear()
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Take over a Task that was stored for this Account."""
        self.tasks[task.id] = task
        _put_if(not task.state.is_terminal, self._unfinished, task)
        _put_if(task.state is State.QUEUED, self._waiting[TRAITS[task.action].takes_slot], task)
        _put_if(task.state in RUNNING, self.running, task)

    def drop(self, task_id: TaskId) -> None:
        """Give a Task away; another Account's worker writes it from now on."""
        for tasks in self._parts():
            tasks.pop(task_id, None)

    def lose(self, task_id: TaskId) -> None:
        """Decide nothing about a Task until `replace`: the Store does not have what is known of it here."""
        self.drop(task_id)
        self.lost.add(task_id)

    def _parts(self) -> tuple[dict[TaskId, Task], ...]:
        return self.tasks, self._unfinished, *self._waiting.values(), self.running

    def change(self, change: Change) -> Entry | None:
        """Apply a change; return what is to be stored of it, or None when it tells nothing new.

        Events that the life-cycle has no move for came too late and are left out.
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
        self.add(after)  # last: whatever breaks before, its version is not counted
        return Entry(task=after, attempts=news, inputs=change.inputs, notify=notify, request=change.request)

    def learn(self, attempts: Iterable[Attempt]) -> Entry | None:
        """Learn what is new about Attempts; return what is to be stored, or None when nothing is."""
        news = self._put(attempts)
        return Entry(attempts=news) if news else None

    def _put(self, attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
        news = tuple(attempt for attempt in attempts if self.index.by_nonce.get(attempt.nonce) != attempt)
        for attempt in news:
            self.index.decide(attempt)
        return news

    def replace(self, task_id: TaskId, task: Task | None, attempts: Iterable[Attempt]) -> None:
        """Take over what the Store has of a Task, in the place of what was known; None: it is not this Account's.

        Attempts that it does not have were never sent.
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
        """Return the QUEUED Tasks that want a drawing slot (or, with `drawing` false, one beside), oldest first."""
        return sorted(self._waiting[drawing].values(), key=attrgetter("id"))

    @property
    def waiting_count(self) -> int:
        """How many Tasks are QUEUED."""
        return sum(map(len, self._waiting.values()))

    def unfinished(self) -> list[Task]:
        """Return every Task that has not ended."""
        return list(self._unfinished.values())

    def has_unfinished(self) -> bool:
        """Tell whether any deadline or late picture has to be looked after."""
        return bool(self._unfinished) or any(True for _ in self.index.open())

    def occupied(self, *, drawing: bool) -> set[TaskId]:
        """Return the running Tasks that hold a drawing slot (or, with `drawing` false, one beside the queue).

        A Task that ended holds none, though Midjourney may still draw for it.
        """
        return {task.id for task in self.running.values() if TRAITS[task.action].takes_slot is drawing}

    @property
    def drawing_count(self) -> int:
        """How many Tasks hold a drawing slot."""
        return sum(TRAITS[task.action].takes_slot for task in self.running.values())

    def ended(self, task_id: TaskId, *, settled: bool) -> tuple[Attempt, ...]:
        """Return the Task's open Attempts as ended now, to be learnt."""
        now = self._clock.now()
        return tuple(
            replace(attempt, ended_at=now, settled=settled)
            for attempt in self.attempts(task_id)
            if attempt.is_open or (settled and not attempt.settled)
        )

    def forget_old(self) -> None:
        """Drop ended Tasks whose late window has passed; and of those that nothing can follow, all but the newest.

        A look at the channel shows no more jobs than it reads messages, so more of these are never asked for.
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
