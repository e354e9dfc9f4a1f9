"""What one Account is doing, in memory and in the Store, always in step.

Only the Account's worker writes here, so a Task has one writer. Memory changes only after the Store has written: a
failed write leaves both as they were. A revision conflicts only where a write was stored and its answer was lost;
the Task is then read anew.
"""

import contextlib
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from midway.domain.action import TRAITS
from midway.domain.attempt import Attempt
from midway.domain.ids import AccountId, Nonce, TaskId
from midway.domain.lifecycle import Event, allows, apply
from midway.domain.notice import deserves_notice
from midway.domain.task import RUNNING, UNFINISHED, State, Task
from midway.engine.clock import Clock
from midway.engine.correlate import Index
from midway.engine.limits import Limits
from midway.store.port import RequestKey, RevisionConflict, Store, TaskQuery, TaskUnreadable

UNBOUNDED = 1_000_000_000  # more rows than an Account can have unfinished


class Ledger:
    """An Account's unfinished Tasks, and every Attempt from which a message may still come."""

    def __init__(self, store: Store, account_id: AccountId, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._account_id = account_id
        self._limits = limits
        self._clock = clock
        self.index = Index()
        self.tasks: dict[TaskId, Task] = {}  # ended ones too, while a late picture may come
        # Parts of them, so that neither a day's ended Tasks nor a long queue is looked through at every step.
        self._unfinished: dict[TaskId, Task] = {}
        self._waiting: dict[bool, dict[TaskId, Task]] = {True: {}, False: {}}  # by whether it takes a drawing slot
        self.running: dict[TaskId, Task] = {}

    async def load(self) -> None:
        """Read what an earlier run left: unfinished Tasks, and Attempts young enough for a late picture."""
        since = self._clock.now() - self._limits.late_window
        for attempt in await self._store.recent_attempts(self._account_id, since):
            self.index.put(attempt)
        known = {attempt.task_id for attempt in self.index.by_nonce.values()}
        unfinished = TaskQuery(states=UNFINISHED, account_id=self._account_id, limit=UNBOUNDED)
        for task in [*await self._store.get_many(sorted(known)), *await self._store.find(unfinished)]:
            if task.account_id == self._account_id:  # else it moved on, and another Account's worker writes it
                self.add(task)

    async def reload(self) -> None:
        """Read everything anew, after a defect left memory and Store apart."""
        self.index = Index(foreign=self.index.foreign, foreign_unnamed=self.index.foreign_unnamed)
        for tasks in self._parts():
            tasks.clear()
        await self.load()

    async def known(self, task_id: TaskId) -> Task | None:
        """Return a Task of this Account, taking an old one back into memory; None when it is not this Account's.

        None also when it cannot be read: then it is nobody's.
        """
        if task_id not in self.tasks:
            with contextlib.suppress(TaskUnreadable):
                task = await self._store.get(task_id)
                if task is not None and task.account_id == self._account_id:
                    self.add(task)
        return self.tasks.get(task_id)

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

    def _parts(self) -> tuple[dict[TaskId, Task], ...]:
        return self.tasks, self._unfinished, *self._waiting.values(), self.running

    async def change(
        self,
        task_id: TaskId,
        *events: Event,
        attempts: Sequence[Attempt] = (),
        request: RequestKey | None = None,
    ) -> Task | None:
        """Apply events to a Task and store it with these Attempts, and the request id that asked for it.

        Events that the life-cycle has no move for came too late and are left out. None when the Task is unknown.
        """
        task = self.tasks.get(task_id)
        if task is None:
            return None
        changed = self._applied(task, events)
        attempts = [attempt for attempt in attempts if self.index.by_nonce.get(attempt.nonce) != attempt]
        if changed is task:
            await self.learn(*attempts)
            return task
        try:
            stored = await self._append(task, changed, attempts, request)
        except RevisionConflict:
            await self._read_again(task_id)  # memory was behind; what is decided next is decided on the truth
            raise
        self.add(stored)
        for attempt in attempts:
            self.index.put(attempt)
        return stored

    async def _append(self, before: Task, after: Task, attempts: Sequence[Attempt], request: RequestKey | None) -> Task:
        return await self._store.append(
            after,
            expected_revision=before.revision,
            attempts=attempts,
            notify=deserves_notice(before, after),
            request=request,
        )

    async def _read_again(self, task_id: TaskId) -> None:
        self.drop(task_id)
        for attempt in await self._store.attempts(task_id):
            self.index.put(attempt)
        await self.known(task_id)

    async def learn(self, *attempts: Attempt) -> None:
        """Store what was learnt about Attempts; their Tasks stay as they are."""
        for attempt in attempts:
            if self.index.by_nonce.get(attempt.nonce) != attempt:
                await self._store.put_attempt(attempt)
                self.index.put(attempt)

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

    def ended(self, task_id: TaskId, *, settled: bool) -> list[Attempt]:
        """Return the Task's open Attempts as ended now; the caller stores them."""
        now = self._clock.now()
        return [
            replace(attempt, ended_at=now, settled=settled)
            for attempt in self.attempts(task_id)
            if attempt.is_open or (settled and not attempt.settled)
        ]

    def forget_old(self) -> None:
        """Drop ended Tasks whose late window has passed; and of those that nothing can follow, all but the newest.

        A look at the channel shows no more jobs than it reads messages, so more of these are never asked for.
        """
        horizon = self._clock.now() - self._limits.late_window
        attempts = self.index.by_nonce.values()
        ended = [(a.ended_at, a) for a in attempts if a.settled and a.ended_at and a.task_id not in self._unfinished]
        oldest_first = [attempt for _, attempt in sorted(ended, key=itemgetter(0))]
        surplus = oldest_first[: -self._limits.history_messages_of_work]
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
