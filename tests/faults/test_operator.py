"""The operator takes an account out of service and brings it back; who asks meanwhile is told the truth."""

from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Hindrance, NoAccount, Reason
from midway.domain.task import State
from midway.store.port import StoreUnavailable

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import crash, stage
from tests.support.pictures import plain_picture
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, in_state, posts


async def test_a_paused_account_finishes_what_runs_and_begins_nothing(rig: Rig) -> None:
    """Its owner wants to use the account by hand for an hour."""
    running = await rig.imagine("a red fox __slow")
    await rig.until(running.id, State.IN_PROGRESS)
    account = await rig.engine.pause_account(rig.engine.accounts()[0].id, "on holiday")

    assert (account.state, account.reason) == (AccountState.PAUSED, "on holiday")
    await assert_own_picture(rig, await rig.succeeded(running))
    assert len(posts(rig)) == 1


async def test_no_picture_is_uploaded_by_a_paused_account(pair: Rig) -> None:
    """Also when the client names it."""
    first, second = pair.engine.accounts()
    await pair.engine.pause_account(first.id, "on holiday")

    with pytest.raises(NoAccount) as refused:
        await pair.engine.upload_images([plain_picture("red")], first.id)
    assert refused.value.hindrances == (Hindrance(first.id, "PAUSED", "on holiday"),)
    assert (await pair.engine.upload_images([plain_picture("red")], None)).account_id == second.id


async def test_what_waits_for_an_account_that_is_paused_moves_to_another(simulator: Simulator, tmp_path: Path) -> None:
    """Nobody has to ask again."""
    async with stage(simulator, tmp_path, accounts=2, config={"slots": 1}) as rig:
        first, second = rig.engine.accounts()
        for account in (first, second):
            await rig.until((await rig.imagine("an owl __slow", account_id=account.id)).id, State.SUBMITTED)
        waiting = [await rig.imagine(f"fox number {number}") for number in range(2)]
        await rig.engine.pause_account(first.id, "")

        for task in waiting:
            ended = await rig.succeeded(task)
            assert ended.account_id == second.id


async def test_a_pause_outlives_a_restart_and_ends_when_the_operator_says_so(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Else a restart at night would undo it."""
    async with stage(simulator, tmp_path) as rig:
        await rig.engine.pause_account(rig.engine.accounts()[0].id, "on holiday")
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        account = rig.engine.accounts()[0]
        assert (account.state, account.reason) == (AccountState.PAUSED, "on holiday")
        await rig.engine.resume_account(account.id)

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))


async def test_a_pause_does_not_hide_why_an_account_is_paused_already(rig: Rig) -> None:
    """A moderator's message must stay readable."""
    await rig.ended(await rig.imagine("a red fox __pending_mod"))
    paused = await in_state(rig, AccountState.PAUSED)

    assert await rig.engine.pause_account(paused.id, "on holiday") == rig.engine.accounts()[0] == paused


async def test_without_any_account_that_may_come_back_by_itself_a_submit_is_refused_with_each_reason(
    pair: Rig,
) -> None:
    """Waiting would not help: both need a person."""
    first, second = pair.engine.accounts()
    await pair.engine.pause_account(first.id, "on holiday")
    await pair.engine.pause_account(second.id, "a captcha")

    with pytest.raises(NoAccount) as refused:
        await pair.imagine("a red fox")

    assert refused.value.reason is Reason.NO_ACCOUNT
    assert refused.value.hindrances == (
        Hindrance(first.id, "PAUSED", "on holiday"),
        Hindrance(second.id, "PAUSED", "a captcha"),
    )
    assert not posts(pair)


async def test_while_one_account_may_come_back_by_itself_a_submit_waits_for_it(pair: Rig) -> None:
    """One is paused, one has lost its connection: the Task is drawn when that is back."""
    first, second = pair.engine.accounts()
    await pair.engine.pause_account(first.id, "on holiday")
    await pair.control("faults", fault="ConnectionRefused", times=2)
    await pair.control("faults", fault="SocketDropped", account=2)
    await eventually(lambda: pair.engine.accounts()[1].state is AccountState.DISCONNECTED, "it is offline")
    task = await pair.imagine("a red fox")

    assert task.account_id == second.id
    await assert_own_picture(pair, await pair.succeeded(task))


async def test_a_button_of_a_paused_account_is_refused_with_its_reason(pair: Rig) -> None:
    """No other account can press it."""
    grid = await pair.succeeded(await pair.imagine("a red fox"))
    assert grid.account_id is not None
    await pair.engine.pause_account(grid.account_id, "on holiday")

    with pytest.raises(NoAccount) as refused:
        await pair.change(grid, Action.UPSCALE, 1)

    assert refused.value.reason is Reason.ACCOUNT_UNAVAILABLE
    assert refused.value.hindrances == (Hindrance(grid.account_id, "PAUSED", "on holiday"),)


async def test_tasks_that_move_together_fill_no_queue_beyond_its_bound(simulator: Simulator, tmp_path: Path) -> None:
    """Each was given away before the one before it counted there."""
    async with stage(simulator, tmp_path, accounts=2, config={"slots": 0, "max_queued": 4}) as rig:
        first, _ = rig.engine.accounts()
        for number in range(6):
            await rig.imagine(f"fox number {number}")
        await rig.engine.pause_account(first.id, "on holiday")
        await eventually(lambda: rig.engine.accounts()[1].queued >= 4, "they moved")

        assert [account.queued for account in rig.engine.accounts()] == [2, 4]


async def test_a_resume_that_the_disk_refuses_is_done_when_it_takes_it(simulator: Simulator, tmp_path: Path) -> None:
    """The account was told to act, and never connected."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        await rig.control("accounts/1", access="revoked")
        account = await in_state(rig, AccountState.INVALID)
        await rig.control("accounts/1", access="ok")
        mend = faulty.refuse("append")
        with pytest.raises(StoreUnavailable):
            await rig.engine.resume_account(account.id)
        mend()

        await in_state(rig, AccountState.ACTIVE)
