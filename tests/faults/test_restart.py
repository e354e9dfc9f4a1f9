"""Old proxies forgot every queued and running task when they were restarted. Each is taken up where it stood."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.answers import ConnectionCut
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import Ask, State

from tests.faults.stage import crash, has_message, stage
from tests.support.pictures import mask_for, plain_picture
from tests.support.upstream import assert_own_picture, eventually, in_state, jobs, later, posts


class LaterClock:
    """The machine's clock after the server was away for an hour."""

    def now(self) -> datetime:
        """Return the time in an hour."""
        return datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(autouse=True)
def no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process waits for nothing."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 0)


async def test_queued_tasks_run_after_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    """Three Tasks were waiting for a slot."""
    async with stage(simulator, tmp_path, config={"slots": 0}) as rig:
        tasks = [await rig.imagine(f"fox number {number}") for number in range(3)]
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        for task in tasks:
            await assert_own_picture(rig, await rig.succeeded(task))
        assert len(posts(rig)) == 3


async def test_a_task_with_pictures_still_has_them_after_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    """The pictures that a client sent were not on Discord yet."""
    async with stage(simulator, tmp_path, config={"slots": 0}) as rig:
        ask = Ask(action=Action.BLEND, image_count=2)
        task = (await rig.engine.submit(ask, [plain_picture("red"), plain_picture("blue")])).task
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_task_whose_nonce_was_stored_but_never_sent_runs_once(simulator: Simulator, tmp_path: Path) -> None:
    """The process died between writing the nonce down and sending it."""
    async with stage(simulator, tmp_path) as rig:
        with simulator.world.incident(ConnectionCut()):
            task = await rig.imagine("a red fox")
            await rig.until(task.id, State.SUBMITTING)
            await crash(rig)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.succeeded(task)

        assert len(jobs(rig)) == 1
        await assert_own_picture(rig, ended)


async def test_a_task_sent_just_before_the_end_is_not_sent_again(simulator: Simulator, tmp_path: Path) -> None:
    """The process died between sending and hearing that it was taken: the job runs."""
    async with stage(simulator, tmp_path) as rig:
        await rig.control("faults", fault="TimeOutAfterAccept", seconds=1)
        for event in ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE"):
            await rig.control("faults", fault="EventLost", event=event)
        task = await rig.imagine("a red fox")
        await eventually(lambda: len(jobs(rig)) == 1, "the job runs")
        await crash(rig)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.succeeded(task)

        assert len(jobs(rig)) == len(posts(rig)) == 1
        await assert_own_picture(rig, ended)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.IN_PROGRESS])
async def test_a_running_task_is_followed_to_its_end(simulator: Simulator, tmp_path: Path, state: State) -> None:
    """The job was still being drawn when the server came back."""
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox __slow")
        await rig.until(task.id, state)
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        ended = await rig.succeeded(task)

        assert len(posts(rig)) == 1
        await assert_own_picture(rig, ended)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.IN_PROGRESS])
async def test_a_final_that_came_while_the_server_was_down_is_found(
    simulator: Simulator, tmp_path: Path, state: State
) -> None:
    """The picture lay in the channel when the server came back, a moment later."""
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox")
        await rig.until(task.id, state)
        await crash(rig)
    await eventually(lambda: len(jobs(rig, "finished")) == 1, "the picture is there")
    async with stage(simulator, tmp_path) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_final_is_found_after_an_hour_of_downtime(simulator: Simulator, tmp_path: Path) -> None:
    """Every deadline passed while the server was away; that is no reason to throw a finished picture away."""
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox")
        await rig.until(task.id, State.IN_PROGRESS)
        await crash(rig)
    await eventually(lambda: len(jobs(rig, "finished")) == 1, "the picture is there")
    async with stage(simulator, tmp_path, clock=LaterClock()) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_final_is_found_behind_hundreds_of_other_messages(simulator: Simulator, tmp_path: Path) -> None:
    """People chatted in the channel while the server was away."""
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox")
        await rig.until(task.id, State.IN_PROGRESS)
        await crash(rig)
    await eventually(lambda: len(jobs(rig, "finished")) == 1, "the picture is there")
    for number in range(500):
        simulator.world.post(simulator.world.accounts[0].channel, simulator.world.accounts[1].user, f"chat {number}")
    async with stage(simulator, tmp_path) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_an_unsent_task_waits_for_its_input_after_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    """The server was restarted while a person drew a mask."""
    async with stage(simulator, tmp_path) as rig:
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        single = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
        task = await rig.press(single, "Vary (Region)")
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        assert task.state is State.AWAITING_INPUT
        assert single.image is not None
        mask = mask_for(single.image.width, single.image.height)
        answered = (await rig.engine.answer_modal(task.id, "a blue fox", mask)).task

        await assert_own_picture(rig, await rig.succeeded(answered))


async def test_a_modal_that_opened_for_a_dead_process_fails_and_says_so(simulator: Simulator, tmp_path: Path) -> None:
    """Discord opens a modal for one session only: the process that had pressed the button is gone."""
    async with stage(simulator, tmp_path) as rig:
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        single = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
        await rig.control("faults", fault="EventLost", event="INTERACTION_MODAL_CREATE")
        task = await rig.press(single, "Custom Zoom", modal_prompt="a wide field")
        await rig.until(task.id, State.SUBMITTED)
        await crash(rig)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason in {Reason.MODAL_NOT_OPENED, Reason.ACK_TIMEOUT}
        assert len(posts(rig)) == 3
        await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")


async def test_a_describe_is_found_after_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    """Its panel was written into the loading message while the server was away."""
    async with stage(simulator, tmp_path) as rig:
        await rig.control("clock", speed=20)
        task = (await rig.engine.submit(Ask(action=Action.DESCRIBE, image_count=1), [plain_picture("green")])).task
        await eventually(lambda: has_message(rig, task), "the loading message is known")
        await crash(rig)
    async with stage(simulator, tmp_path, idle_timeout=1) as rig:
        assert len((await rig.succeeded(task)).result_prompts) == 4


async def test_a_picture_comes_late_for_a_cancelled_task_also_after_a_restart(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Midjourney draws on after a cancel, and the picture was paid for."""
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox __slow")
        await rig.until(task.id, State.IN_PROGRESS)
        cancelled = await rig.engine.cancel(task.id)
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        attached = await later(rig, cancelled, lambda each: each.image is not None and each.late)

        assert attached.state is State.CANCELLED
        await assert_own_picture(rig, attached)


async def test_a_paused_account_is_still_paused_after_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    """Restarting must not be the way around a moderator's message."""
    async with stage(simulator, tmp_path) as rig:
        await rig.ended(await rig.imagine("a red fox __pending_mod"))
        account = await in_state(rig, AccountState.PAUSED)
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        again = rig.engine.accounts()[0]

        assert (again.state, again.reason, again.since) == (AccountState.PAUSED, account.reason, account.since)


async def test_waiting_tasks_of_an_account_that_was_removed_move(simulator: Simulator, tmp_path: Path) -> None:
    """The operator took an account out of the settings."""
    async with stage(simulator, tmp_path, accounts=2, config={"slots": 0}) as rig:
        tasks = [await rig.imagine(f"fox number {number}") for number in range(4)]
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        for task in tasks:
            await assert_own_picture(rig, await rig.succeeded(task))


async def test_running_tasks_of_an_account_that_was_removed_fail_and_say_so(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Nobody can hear any more how they end."""
    async with stage(simulator, tmp_path, accounts=2) as rig:
        second = rig.engine.accounts()[1]
        task = await rig.imagine("a red fox __hang", account_id=second.id)
        await rig.until(task.id, State.SUBMITTED)
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.ACCOUNT_UNAVAILABLE


async def test_twenty_tasks_in_every_state_survive(simulator: Simulator, tmp_path: Path) -> None:
    """A busy server is killed: afterwards every Task has its own picture and no job was drawn twice."""
    async with stage(simulator, tmp_path, accounts=2) as rig:
        tasks = [await rig.imagine(f"fox number {number % 5}") for number in range(20)]
        await eventually(lambda: len(jobs(rig, "finished")) >= 3, "some are done")
        await crash(rig)
    async with stage(simulator, tmp_path, accounts=2, ack_timeout=1, idle_timeout=3) as rig:
        ended = [await rig.ended(task) for task in tasks]

        assert [task.failure for task in ended if task.failure] == []
        assert len(jobs(rig)) == 20
        for task in ended:
            await assert_own_picture(rig, task)


async def test_a_stop_in_good_order_waits_for_what_was_sent(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy stops the server while an Interaction is on its way: its answer is written down first."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 3)
    async with stage(simulator, tmp_path) as rig:
        await rig.control("faults", fault="SlowAnswer", seconds=0.3)
        task = await rig.imagine("a red fox __slow")
        await rig.until(task.id, State.SUBMITTING)
    async with stage(simulator, tmp_path) as rig:
        stored = await rig.store.get(task.id)

        assert stored is not None
        assert stored.state is State.SUBMITTED
        assert len(posts(rig)) == 1
