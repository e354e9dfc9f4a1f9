"""Clients that hang up while they are being served: what is on disk by then runs, and can be found again."""

import asyncio
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.ids import RequestId
from midway.domain.task import Ask
from midway.store.port import RequestKey, TaskQuery

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, posts

ASK = Ask(action=Action.IMAGINE, prompt="a red fox")
REQUEST = RequestKey(RequestId("once"), "digest")
TURNS_OF_A_SUBMIT = 12  # of the event loop, and some more


async def hang_up(rig: Rig, faulty: FaultyStore) -> None:
    """Ask for a picture, and hang up when it is on disk and not answered yet."""
    hold = faulty.hold_once("submit")
    call = asyncio.create_task(rig.engine.submit(ASK, request=REQUEST))
    await hold.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    hold.release()


async def test_a_task_whose_client_hung_up_while_it_was_stored_runs(simulator: Simulator, tmp_path: Path) -> None:
    """It lay in the store, and no worker knew of it before the next restart."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        await hang_up(rig, faulty)
        [task] = await rig.store.find(TaskQuery())

        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_client_that_hung_up_gets_its_task_by_the_same_request_id(simulator: Simulator, tmp_path: Path) -> None:
    """The client's retry must not be drawn a second time."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        await hang_up(rig, faulty)
        again = await rig.engine.submit(ASK, request=REQUEST)
        await rig.succeeded(again.task)

        assert not again.created
        assert len(posts(rig)) == 1
        assert rig.engine.accounts()[0].queued == 0


async def test_a_task_whose_client_hung_up_runs_although_the_disk_refuses_then(
    simulator: Simulator, tmp_path: Path
) -> None:
    """What was stored has a worker, also when the store cannot be asked a second time."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        hold = faulty.hold_once("submit")
        call = asyncio.create_task(rig.engine.submit(ASK))
        await hold.done()
        faulty.refuse_once("submit")
        call.cancel()
        await asyncio.wait([call])
        hold.release()
        await rig.engine._intake.settle()
        [task] = await rig.store.find(TaskQuery())

        await assert_own_picture(rig, await rig.succeeded(task))


async def test_whenever_a_client_hangs_up_what_was_stored_runs(simulator: Simulator, tmp_path: Path) -> None:
    """One more turn of the event loop each time: before the store was asked, while it writes, after it has."""
    async with stage(simulator, tmp_path) as rig:
        for turns in range(TURNS_OF_A_SUBMIT):
            call = asyncio.create_task(rig.engine.submit(Ask(action=Action.IMAGINE, prompt=f"a red fox {turns}")))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        await rig.engine._intake.settle()
        stored = await rig.store.find(TaskQuery())

        assert stored
        [account] = rig.engine.accounts()
        assert account.queued + account.running + len(posts(rig)) >= len(stored)  # none waits for a restart
        for task in stored:
            await rig.succeeded(task)
