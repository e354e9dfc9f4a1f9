"""Runs an Account's background work outside its loop: uploads, Interactions, reads of the history."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from midway.domain.ids import AccountId

log = structlog.get_logger(__name__)


class BackgroundTasks:
    """Asyncio tasks that are cancelled when the context ends. A defect in one is logged and ends no other."""

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        """Start a coroutine in the background; return its asyncio task."""
        task = asyncio.create_task(self._supervised(work, name), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _supervised(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            log.exception("background work failed by a defect", account_id=self._account_id, work=name)
