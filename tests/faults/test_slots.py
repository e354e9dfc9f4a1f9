"""How much at once. Overfilled accounts get banned; slots that leak make a server stand still after a week."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import Exhausted, Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.rig import Rig, simulator_running
from tests.support.upstream import assert_own_picture, eventually, jobs, later, noticed, posts

SLOTS = 3


def most_running(rig: Rig) -> dict[int, int]:
    """Return the most jobs that each account had running at once, by its number."""
    most: Counter[int] = Counter()
    for line in rig.journal("job"):
        most[line["account"]] = max(most[line["account"]], line["running"])
    return dict(most)


async def test_two_hundred_imagines_over_five_accounts_all_succeed_within_their_slots(tmp_path: Path) -> None:
    """The whole load of a busy evening at once."""
    async with simulator_running(accounts=5) as simulator, stage(simulator, tmp_path, accounts=5) as rig:
        tasks = await asyncio.gather(*(rig.imagine(f"fox number {number}") for number in range(200)))
        ended = await asyncio.gather(*(rig.succeeded(task) for task in tasks))

        drawn = {line["job_id"]: line["nonce"] for line in jobs(rig)}
        attempts = [a for acc in rig.engine.accounts() for a in await rig.store.recent_attempts(acc.id, acc.since)]
        ours = {attempt.nonce: attempt.task_id for attempt in attempts}
        assert {ours[drawn[task.job_id]] for task in ended if task.job_id} == {task.id for task in ended}
        assert len(drawn) == len(posts(rig)) == 200
        assert most_running(rig).keys() == set(range(1, 6))
        assert max(most_running(rig).values()) <= SLOTS
        assert not jobs(rig, "queued")


async def test_interactions_keep_the_pace(simulator: Simulator, tmp_path: Path) -> None:
    """A burst from one account looks like a machine to Discord."""
    pace = 0.2
    async with stage(simulator, tmp_path, pace=pace) as rig:
        tasks = [await rig.imagine(f"fox number {number}") for number in range(5)]
        for task in tasks:
            await rig.succeeded(task)

        attempts = await rig.store.recent_attempts(rig.engine.accounts()[0].id, tasks[0].created_at)
        sent = sorted(attempt.sent_at for attempt in attempts)
        assert all(after - before >= timedelta(seconds=pace) for before, after in pairwise(sent))


async def test_picks_and_describes_need_no_slot(rig: Rig) -> None:
    """Midjourney does them beside its queue; U1 must not wait behind three long jobs."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    for number in range(SLOTS):
        await rig.until((await rig.imagine(f"fox number {number} __hang")).id, State.SUBMITTED)
    picked = await rig.ended(await rig.change(grid, Action.UPSCALE, 1))

    assert picked.state is State.SUCCEEDED
    assert rig.engine.accounts()[0].running == SLOTS


async def test_a_cancelled_task_frees_its_slot_at_once(rig: Rig) -> None:
    """Who cancels three to ask for others shall not wait for the first; Midjourney itself queues what is too much."""
    drawing = [await rig.imagine(f"fox number {number} __slow") for number in range(SLOTS)]
    for task in drawing:
        await rig.until(task.id, State.IN_PROGRESS)
    cancelled = [await rig.engine.cancel(task.id) for task in drawing]
    next_one = await rig.imagine("a red fox")
    await noticed(rig, next_one, "Job queued")
    attached = [await later(rig, task, lambda each: each.late) for task in cancelled]
    await assert_own_picture(rig, await rig.succeeded(next_one))

    assert most_running(rig) == {1: SLOTS}
    for task in attached:
        assert task.state is State.CANCELLED
        await assert_own_picture(rig, task)


async def test_a_task_that_timed_out_frees_its_slot_at_once(quick: Rig) -> None:
    """Three jobs are stuck at 93 % for ever; the fourth does not share their fate."""
    stuck = [await quick.imagine(f"fox number {number} __hang_after_93") for number in range(SLOTS)]
    waiting = await quick.imagine("a red fox __hang")
    for task in stuck:
        await quick.ended(task)

    assert (await quick.until(waiting.id, State.SUBMITTED)).state is State.SUBMITTED


async def test_a_press_that_was_cancelled_before_its_modal_came_makes_no_job(rig: Rig) -> None:
    """The client gives up between the click and the window, which is left unanswered."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    single = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
    await rig.control("faults", fault="EventDelayed", event="INTERACTION_MODAL_CREATE", bot_seconds=20)
    task = await rig.press(single, "Custom Zoom", modal_prompt="a wide field")
    await rig.until(task.id, State.SUBMITTED)
    await rig.engine.cancel(task.id)

    await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")
    assert len(posts(rig)) == 3


async def test_an_identical_prompt_waits_until_nothing_can_come_of_a_cancelled_one(hasty: Rig) -> None:
    """Discord took it, the bot never said a word, and the client cancelled: its words are free after a while."""
    await hasty.control("faults", fault="NoEventAfterAccept")
    task = await hasty.imagine("a red fox")
    await hasty.until(task.id, State.SUBMITTED)
    await hasty.engine.cancel(task.id)

    await assert_own_picture(hasty, await hasty.succeeded(await hasty.imagine("a red fox")))
    assert len(jobs(hasty)) == 1


async def test_failed_jobs_give_their_slots_back(rig: Rig) -> None:
    """Old proxies lost a slot with every error; after a week nothing ran any more."""
    failing = [await rig.imagine(f"fox number {number} __failed") for number in range(2 * SLOTS)]
    for task in failing:
        assert (await rig.ended(task)).state is State.FAILED
    await rig.succeeded(await rig.imagine("a red fox"))

    await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")


async def test_a_full_queue_here_refuses_and_stores_nothing(simulator: Simulator, tmp_path: Path) -> None:
    """The client is told at once, instead of waiting for hours."""
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 2}) as rig:
        for number in range(2):
            await rig.imagine(f"fox number {number}")
        with pytest.raises(Exhausted) as refused:
            await rig.imagine("a red fox")

        assert refused.value.reason is Reason.QUEUE_FULL
        assert rig.engine.accounts()[0].queued == 2


async def test_a_burst_does_not_slip_past_the_queues_limit(simulator: Simulator, tmp_path: Path) -> None:
    """Ten submits arrive in the same moment, before any of them is counted."""
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 4}) as rig:
        answers = await asyncio.gather(*(rig.imagine(f"fox {n}") for n in range(10)), return_exceptions=True)

        assert sum(isinstance(answer, Exhausted) for answer in answers) == 6


async def test_work_goes_to_the_least_loaded_account(pair: Rig) -> None:
    """Six long jobs over two accounts of three slots each."""
    tasks = [await pair.imagine(f"fox number {number} __hang") for number in range(2 * SLOTS)]
    await eventually(lambda: len(jobs(pair)) == len(tasks), "all of them run")

    assert most_running(pair) == {1: SLOTS, 2: SLOTS}
