"""The machine's wall clock is set, by NTP or a person, or the machine sleeps. The one is no time, the other is."""

from datetime import timedelta
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.events import EventLost
from midway.domain.action import Action
from midway.domain.clock_step import step_between
from midway.domain.errors import Reason
from midway.domain.task import State, Task

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import crash, stage
from tests.support.clocks import Machine
from tests.support.rig import Rig
from tests.support.upstream import LONG_AGO, assert_own_picture, eventually, jobs, later, posts

BACK: dict[str, float] = {"hours": -2}
FORWARD: dict[str, float] = {"days": 3}
STEPS = pytest.mark.parametrize("by", [BACK, FORWARD], ids=["back", "forward"])
FINAL_WORDS = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE")
ALL_WORDS = (*FINAL_WORDS, "INTERACTION_CREATE", "INTERACTION_SUCCESS")


async def set_clock(rig: Rig, machine: Machine, by: dict[str, float]) -> None:
    """Set the clock, and return when the engine has taken that over."""
    machine.set_clock(**by)
    await is_taken_over(rig)


async def is_taken_over(rig: Rig) -> None:
    """Return when the engine's clock tells the machine's time, and so do the unfinished Tasks in the store."""
    clock = rig.engine.clock
    await eventually(lambda: not step_between(clock.boot, clock.look()), "the clock is followed")
    await rig.store.forget_dead_letters(LONG_AGO)  # a write that comes after


async def stored(rig: Rig, task: Task) -> Task:
    """Read a Task as it is."""
    known = await rig.store.get(task.id)
    assert known is not None
    return known


@STEPS
async def test_the_next_task_is_sent_at_once(simulator: Simulator, tmp_path: Path, by: dict[str, float]) -> None:
    """Two hours back, and nothing was sent for two hours."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), pace=0.2) as rig:
        await rig.succeeded(await rig.imagine("a red fox"))
        machine.set_clock(**by)  # and nobody waits until that is seen
        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a blue cat")))
        await is_taken_over(rig)
        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a green owl")))


@STEPS
async def test_tasks_that_run_and_tasks_that_wait_go_on(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """Three days forward, and waiting Tasks failed for having waited too long."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), config={"slots": 1}) as rig:
        running, waiting = await rig.imagine("a red fox __slow"), await rig.imagine("a blue cat")
        await rig.until(running.id, State.IN_PROGRESS)
        await set_clock(rig, machine, by)
        for task in (running, waiting):
            ended = await rig.succeeded(task)
            await assert_own_picture(rig, ended)
            assert abs(ended.created_at - task.created_at - timedelta(**by)) < timedelta(minutes=1)
        assert len(posts(rig)) == 2


@STEPS
async def test_a_task_that_waits_for_a_person_waits_as_long_as_was_promised(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """The clock was set while somebody drew a mask."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock()) as rig:
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        single = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
        task = await rig.press(single, "Custom Zoom", remix=True)
        assert task.state is State.AWAITING_INPUT
        assert task.input_deadline is not None
        await set_clock(rig, machine, by)
        known = await stored(rig, task)
        assert known.input_deadline == task.input_deadline + (known.created_at - task.created_at)
        answered = (await rig.engine.answer_modal(task.id, "a wide field", None)).task

        await rig.succeeded(answered)


@STEPS
async def test_a_deadline_comes_after_the_time_that_was_left(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """A clock that was set must not keep a Task for ever, either: two hours longer would outlive this test."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), idle_timeout=4) as rig:
        task = await rig.imagine("a red fox __hang")
        await rig.until(task.id, State.SUBMITTED)
        await set_clock(rig, machine, by)
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.IDLE_TIMEOUT
        assert ended.finished_at is not None
        assert timedelta(0) < ended.finished_at - ended.created_at < timedelta(hours=1)


@STEPS
async def test_a_store_that_refuses_meanwhile_is_asked_again(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """Until it has moved the times, the clock goes on as before."""
    machine, faulty = Machine(), FaultyStore()
    async with stage(simulator, tmp_path, clock=machine.clock(), through=faulty.around, config={"slots": 0}) as rig:
        task = await rig.imagine("a red fox")
        faulty.refuse_once("follow_clock")
        await set_clock(rig, machine, by)
        known = await stored(rig, task)

        assert known.state is State.QUEUED
        assert abs(known.created_at - task.created_at - timedelta(**by)) < timedelta(minutes=1)


@STEPS
async def test_a_clock_that_was_set_while_the_server_was_down(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """In the same boot of the machine, its uptime tells how long that really was."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), config={"slots": 0}) as rig:
        task = await rig.imagine("a red fox")
        await crash(rig)
    machine.set_clock(**by)
    async with stage(simulator, tmp_path, clock=machine.clock()) as rig:
        ended = await rig.succeeded(task)

        await assert_own_picture(rig, ended)
        assert abs(ended.created_at - task.created_at - timedelta(**by)) < timedelta(minutes=1)


@STEPS
async def test_a_server_that_starts_on_a_store_that_refuses_follows_the_clock_later(
    simulator: Simulator, tmp_path: Path, by: dict[str, float]
) -> None:
    """The disk is full, and the clock was set while the server was down."""
    machine, faulty = Machine(), FaultyStore()
    async with stage(simulator, tmp_path, clock=machine.clock(), config={"slots": 0}) as rig:
        task = await rig.imagine("a red fox")
        await crash(rig)
    machine.set_clock(**by)
    faulty.refuse_once("follow_clock")
    async with stage(simulator, tmp_path, clock=machine.clock(), through=faulty.around, config={"slots": 0}) as rig:
        known = await later(rig, task, lambda each: each.created_at != task.created_at)

        assert abs(known.created_at - task.created_at - timedelta(**by)) < timedelta(minutes=1)


async def test_a_clock_that_was_wrong_and_is_set_right_loses_no_picture(simulator: Simulator, tmp_path: Path) -> None:
    """Discord's ids tell its own time, and what is matched by time alone must fit: the Attempts move along."""
    machine = Machine()
    machine.set_clock(hours=5)
    async with stage(simulator, tmp_path, clock=machine.clock()) as rig:
        with simulator.world.incident(*(EventLost(event=name, times=None) for name in ALL_WORDS)):
            task = await rig.imagine("a red fox")
            await eventually(lambda: len(jobs(rig, "finished")) == 1, "the picture is there")
        await set_clock(rig, machine, {"hours": -5})
        await crash(rig)
    async with stage(simulator, tmp_path, clock=machine.clock()) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_after_a_sleep_the_picture_is_looked_for_before_any_deadline_counts(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Midjourney drew on while the machine slept for three days, and nobody heard of the end."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock()) as rig:
        with simulator.world.incident(*(EventLost(event=name, times=None) for name in FINAL_WORDS)):
            task = await rig.imagine("a red fox")
            await eventually(lambda: len(jobs(rig, "finished")) == 1, "the picture is there")
        assert not (await stored(rig, task)).state.is_terminal
        machine.sleep(days=3)

        await assert_own_picture(rig, await rig.succeeded(task))


async def test_after_a_sleep_a_task_has_waited_as_long_as_it_did(simulator: Simulator, tmp_path: Path) -> None:
    """Three days in the queue are three days."""
    machine = Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), config={"slots": 0}) as rig:
        task = await rig.imagine("a red fox")
        machine.sleep(days=3)
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.QUEUE_TIMEOUT


async def test_a_task_that_is_accepted_while_the_worker_reads_anew_runs(simulator: Simulator, tmp_path: Path) -> None:
    """What the worker read was older; the Task lay in the store, and nobody knew of it before the next restart."""
    machine, faulty = Machine(), FaultyStore()
    async with stage(simulator, tmp_path, clock=machine.clock(), through=faulty.around) as rig:
        hold = faulty.hold_once("find")
        machine.set_clock(**FORWARD)
        await hold.done()
        task = await rig.imagine("a red fox")
        hold.release()

        await assert_own_picture(rig, await rig.succeeded(task))
