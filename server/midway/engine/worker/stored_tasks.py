"""Reads what the Store has of one Account's Tasks."""

from contextlib import suppress

from midway.domain.attempt import Attempt
from midway.domain.ids import AccountId, TaskId
from midway.domain.task import UNFINISHED, Task
from midway.engine.clock import SteadyClock
from midway.engine.limits import Limits
from midway.store.port import Store, TaskQuery, TaskUnreadable

UNBOUNDED = 1_000_000_000  # more rows than an Account can have unfinished


class StoredTasks:
    """Reads one Account's Tasks and Attempts from the Store. Owned by one worker."""

    def __init__(self, account_id: AccountId, store: Store, limits: Limits, clock: SteadyClock) -> None:
        self._account_id = account_id
        self._store = store
        self._limits = limits
        self._clock = clock

    async def read(self, task_id: TaskId) -> Task | None:
        """Read a Task; None when it is not this Account's, or cannot be read."""
        with suppress(TaskUnreadable):
            task = await self._store.get(task_id)
            return task if task is not None and task.account_id == self._account_id else None
        return None

    async def attempts(self, task_id: TaskId) -> list[Attempt]:
        """Read a Task's Attempts, oldest first."""
        return await self._store.attempts(task_id)

    async def read_all(self) -> tuple[list[Task], list[Attempt]]:
        """Read the unfinished Tasks, and the Attempts recent enough for a late picture, with their Tasks.

        Of Tasks that moved to another Account only the Attempts are returned: that Account's worker writes the Tasks.
        """
        attempts = await self._store.recent_attempts(self._account_id, self._clock.now() - self._limits.late_window)
        known = await self._store.get_many(sorted({attempt.task_id for attempt in attempts}))
        unfinished = TaskQuery(states=UNFINISHED, account_id=self._account_id, limit=UNBOUNDED)
        tasks = [*known, *await self._store.find(unfinished)]
        return [task for task in tasks if task.account_id == self._account_id], attempts
