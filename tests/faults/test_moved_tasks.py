"""A Task that moved to another account belongs to that one alone, over restarts and in races."""

import asyncio
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.errors import Reason
from midway.domain.task import State, Task

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import crash, stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, in_state


@pytest.fixture(autouse=True)
def no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process waits for nothing."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 0)


async def moved(rig: Rig, prompt: str) -> Task:
    """Have a Task refused by the first account and taken by the second."""
    await rig.control("faults", fault="AccessLost", route="interactions")
    return await rig.until((await rig.imagine(prompt)).id, State.SUBMITTED, State.IN_PROGRESS)


def ledgers(rig: Rig, task: Task) -> list[str]:
    """Name the accounts whose workers know a Task."""
    return [worker.id for worker in rig.engine._workers.values() if task.id in worker._ledger.tasks]


async def test_after_a_restart_only_its_new_account_knows_a_moved_task(simulator: Simulator, tmp_path: Path) -> None:
    """The refused Attempt stayed with the first account, and brought the Task back into its ledger."""
    async with stage(simulator, tmp_path, accounts=2) as rig:
        task = await moved(rig, "a red fox __slow")
        await crash(rig)
    async with stage(simulator, tmp_path, accounts=2) as rig:
        known_by = ledgers(rig, task)
        ended = await rig.succeeded(task)

        assert known_by == [task.account_id]
        await assert_own_picture(rig, ended)


async def test_an_account_goes_on_after_a_restart_and_a_task_that_moved_away(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Its copy of the Task was behind for ever: every sweep died on it, and no deadline counted any more."""
    async with stage(simulator, tmp_path, accounts=2) as rig:
        task = await moved(rig, "a red fox __slow")
        await crash(rig)
    async with stage(simulator, tmp_path, accounts=2, total_timeout=1.5, idle_timeout=1.5) as rig:
        first = rig.engine.accounts()[0].id
        await rig.engine.resume_account(first)
        hanging = await rig.imagine("a blue cat __hang", account_id=first)
        await rig.ended(task)
        ended = await rig.ended(hanging)

        assert ended.failure is not None
        assert ended.failure.reason in {Reason.TOTAL_TIMEOUT, Reason.IDLE_TIMEOUT}


async def test_a_cancel_reaches_a_task_that_moves_at_that_moment(simulator: Simulator, tmp_path: Path) -> None:
    """The first account took the Task back to cancel it; the second one's copy was behind for ever."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, accounts=2, config={"slots": 0}, through=faulty.around) as rig:
        task = await rig.imagine("a red fox")
        hold = faulty.hold_once("get")
        cancelling = asyncio.create_task(rig.engine.cancel(task.id))
        await hold.done()
        await rig.control("accounts/1", access="revoked")
        await in_state(rig, AccountState.INVALID)
        await eventually(lambda: rig.engine.accounts()[1].queued == 1, "it moved")
        hold.release()
        cancelled = await cancelling

        assert cancelled.state is State.CANCELLED
        assert cancelled.account_id == rig.engine.accounts()[1].id
        assert rig.engine.accounts()[1].queued == 0


async def test_a_cancel_after_the_move_is_its_new_accounts(pair: Rig) -> None:
    """The Task is drawn by the second account, which says so."""
    task = await moved(pair, "a red fox __hang")
    cancelled = await pair.engine.cancel(task.id)

    assert cancelled.state is State.CANCELLED
    assert cancelled.account_id == task.account_id
    assert [account.running for account in pair.engine.accounts()] == [0, 0]
