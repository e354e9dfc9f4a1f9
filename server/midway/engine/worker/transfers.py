"""Moves an Account's waiting Tasks to other Accounts: each is stored as the other's, then passed to its worker."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Protocol

from midway.domain.ids import AccountId, TaskId
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside
from midway.engine.store_retry import read_patiently
from midway.engine.worker.background_tasks import BackgroundTasks
from midway.engine.worker.journal import Journal
from midway.store.port import VersionConflict


class Recipient(Protocol):
    """Another Account's worker."""

    config: AccountConfig

    @property
    def id(self) -> AccountId:
        """Its Account."""

    def expecting(self) -> AbstractContextManager[None]:
        """Count a Task as waiting there while the context is open."""

    async def read_task(self, task_id: TaskId) -> Task | None:
        """Read a Task; None when it is not that Account's."""

    def take(self, task: Task) -> None:
        """Accept a stored Task of that Account."""


# Returns the worker of another Account for a Task that its own cannot run now; None when there is none.
FindOther = Callable[[Task], Recipient | None]


class Transfers:
    """Moves Tasks, and keeps track of those on their way. Owned by the worker of the Account that gives them."""

    def __init__(
        self,
        core: Core,
        journal: Journal,
        background: BackgroundTasks,
        find_other: FindOther,
        carry_out: Callable[[Iterable[Outside]], None],
    ) -> None:
        self._core = core
        self._journal = journal
        self._background = background
        self._find_other = find_other
        self._carry_out = carry_out
        self._under_way: dict[TaskId, Recipient] = {}

    def begin(self, tasks: Sequence[Task]) -> None:
        """Move Tasks to Accounts that can run them; the rest, if no Account can, get a notice of what they wait for."""
        for number, task in enumerate(tasks):
            other = self._find_other(task)
            if other is None:
                for waiting in tasks[number:]:  # no Account would take these either
                    self._carry_out(self._core.keep_waiting(waiting.id))
                return
            self._transfer(task, other)

    async def finish(self) -> None:
        """Deliver the Tasks under way when a defect ended the worker. Call it when the journal is flushed."""
        for task_id in list(self._under_way):
            await self._deliver(task_id)

    def _transfer(self, task: Task, other: Recipient) -> None:
        """Give a Task to another Account, and deliver it when that is durable."""
        self._carry_out(self._core.give_away(task.id, other.id, other.config.channel_id))
        self._under_way[task.id] = other
        expected = ExitStack()  # entered now: it must be counted when the next Task's Account is chosen
        expected.enter_context(other.expecting())
        durable = self._journal.settled(task.id, patient=True)
        delivering = self._background.spawn(self._deliver_when_durable(task.id, durable), f"transfer {task.id}")
        delivering.add_done_callback(lambda _: expected.close())

    async def _deliver_when_durable(self, task_id: TaskId, durable: Awaitable[None]) -> None:
        with suppress(VersionConflict):  # then the Task is read again, and stays with the Account that it has now
            await durable
        await self._deliver(task_id)

    async def _deliver(self, task_id: TaskId) -> None:
        other = self._under_way[task_id]
        task = await read_patiently(lambda: other.read_task(task_id))
        self._under_way.pop(task_id, None)
        if task is not None:
            other.take(task)
