"""The queue of a worker's steps."""

import asyncio
from datetime import timedelta

import pytest
from midway.domain.errors import Conflict, Reason
from midway.engine.worker.inbox import Inbox

from tests.support.cycles import errors_in_cycles


async def test_a_refused_step_leaves_nothing() -> None:
    inbox = Inbox()

    async def refuse() -> None:
        raise Conflict(Reason.TASK_NOT_AWAITING_INPUT, "it waits for nothing")

    async def ask() -> None:
        with pytest.raises(Conflict):
            await inbox.ask(refuse)

    with errors_in_cycles() as left:
        asking = asyncio.create_task(ask())
        await inbox.run_waiting(timedelta(seconds=10))
        await asking
        del asking
    assert left == []
