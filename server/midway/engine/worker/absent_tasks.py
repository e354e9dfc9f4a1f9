"""Reads Tasks that are not in an Account's memory: lost ones, which are read again, and old ones that are needed."""

import asyncio
from functools import partial

import structlog

from midway.domain.attempt import Attempt
from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside
from midway.engine.core.reading import Reading
from midway.engine.store_retry import read_patiently
from midway.engine.worker.background_tasks import BackgroundTasks
from midway.engine.worker.decisions import Decisions
from midway.engine.worker.journal import Journal
from midway.engine.worker.stored_tasks import StoredTasks
from midway.store.port import VersionConflict

log = structlog.get_logger(__name__)


class AbsentTasks:
    """Reads absent Tasks, and keeps track of the lost ones being read. Owned by one worker."""

    def __init__(
        self,
        core: Core,
        stored: StoredTasks,
        journal: Journal,
        background: BackgroundTasks,
        decisions: Decisions,
    ) -> None:
        self._core = core
        self._stored = stored
        self._journal = journal
        self._background = background
        self._decisions = decisions
        self._rereading: dict[TaskId, asyncio.Task[None]] = {}  # Tasks that were lost

    def lose(self, task_id: TaskId, error: Exception) -> None:
        """Drop a Task and read it again: another writer changed it, or a defect kept its changes from being stored."""
        log.warning("unstored changes of a task are dropped; it is read again", task_id=task_id, problem=repr(error))
        self._core.lose(task_id)  # at once: a decision from old memory could be stored as the Task's next version
        defect = None if isinstance(error, VersionConflict) else type(error).__name__
        reading = self._background.spawn(self._read_again(task_id, defect), f"read {task_id} anew")
        self._rereading[task_id] = reading
        reading.add_done_callback(partial(self._was_read_again, task_id))

    def _was_read_again(self, task_id: TaskId, reading: asyncio.Task[None]) -> None:
        if self._rereading.get(task_id) is reading:  # else it was lost again meanwhile
            del self._rereading[task_id]

    async def _read_again(self, task_id: TaskId, defect: str | None) -> None:
        task, attempts = None, list[Attempt]()
        try:
            task = await read_patiently(lambda: self._stored.read(task_id))
            attempts = await read_patiently(lambda: self._stored.attempts(task_id))
        except Exception:
            log.exception("a task cannot be read again; it is left until the next start", task_id=task_id)
            task = None

        def regain(core: Core) -> list[Outside]:
            core.regain(task_id, task, attempts)
            return core.look()  # for messages about it that came meanwhile

        self._decisions.report(regain)
        if defect is not None:
            self._decisions.report(lambda core: core.broke(task_id, defect))

    async def recall(self, task_id: TaskId, reading: Reading) -> None:
        """Read a Task into memory, if it exists, then let the core handle the message about it."""
        task = await read_patiently(lambda: self._stored.read(task_id))

        def hear(core: Core) -> list[Outside]:
            if task is not None:
                core.take(task)
            return core.recalled(reading)

        self._decisions.report(hear)

    async def find(self, task_id: TaskId) -> Task | None:
        """Read a Task that is not in memory; None when it is not this Account's. It ended long ago, or was lost."""
        if rereading := self._rereading.get(task_id):
            await asyncio.wait([rereading])
        await self._journal.settled(task_id)  # it may be being transferred to another Account
        return await self._stored.read(task_id)
