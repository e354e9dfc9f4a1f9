"""Lets an Account's core make decisions one at a time, and carries out each one's effects before the next."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import structlog

from midway.domain.ids import AccountId, TaskId
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside
from midway.engine.worker.inbox import Inbox
from midway.engine.worker.journal import Journal

log = structlog.get_logger(__name__)

Decision = Callable[[Core], list[Outside]]
Portions = Callable[[Core], Iterator[list[Outside]]]


class Decisions:
    """Puts decisions into the worker's inbox. Owned by the worker, which runs the inbox."""

    def __init__(
        self,
        account_id: AccountId,
        core: Core,
        inbox: Inbox,
        journal: Journal,
        carry_out: Callable[[Iterable[Outside]], None],
    ) -> None:
        self._account_id = account_id
        self._core = core
        self._inbox = inbox
        self._journal = journal
        self._carry_out = carry_out

    def do(self, decision: Decision) -> None:
        """Decide now, and carry out the effects. A defect is logged; effects decided before it are carried out."""
        try:
            outside = decision(self._core)
        except Exception:  # supervised: one bad event must not end the loop
            log.exception("an event could not be handled", account_id=self._account_id)
            outside = self._core.left_over()
        self._carry_out(outside)

    async def decide_in_turn(self, task_id: TaskId, decision: Decision) -> None:
        """Let the loop decide about a Task; return when the decision is stored, waiting until the store answers.

        Raises VersionConflict when another writer changed the Task.
        """

        async def step() -> Awaitable[None]:
            self.do(decision)
            return self._journal.settled(task_id, patient=True)

        await (await self._inbox.ask(step))

    def report(self, decision: Decision) -> None:
        """Let the loop decide about the result of background work; does not wait."""

        async def step() -> None:
            self.do(decision)

        self._inbox.put(step)

    def report_portions(self, portions: Portions) -> None:
        """Let the loop decide about a long result in portions; the event loop runs other tasks between two of them."""

        async def step() -> None:
            remaining, is_more = portions(self._core), True

            def next_portion(_: Core) -> list[Outside]:
                nonlocal is_more
                portion = next(remaining, None)
                is_more = portion is not None
                return portion or []

            while is_more:
                is_more = False  # after a defect
                self.do(next_portion)
                await asyncio.sleep(0)

        self._inbox.put(step)

    async def decide_durably(self, decision: Decision) -> None:
        """Let the loop decide about the Account; return when the decision is durable. Raises StoreUnavailable."""

        async def step() -> Awaitable[None]:
            self._carry_out(decision(self._core))
            return self._journal.settled()

        await (await self._inbox.ask(step))
