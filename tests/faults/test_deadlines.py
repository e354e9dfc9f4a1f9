"""Tasks that stuck for ever were the loudest complaint about old proxies. Every wait has its own end and its reason."""

from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, jobs, later, posts

HANGS: dict[str, tuple[str, dict[str, Any], Reason]] = {
    "it never starts": ("__hang", {"idle_timeout": 0.5}, Reason.IDLE_TIMEOUT),
    "it stops at 46 %": ("__hang_after_46", {"idle_timeout": 0.5}, Reason.IDLE_TIMEOUT),
    "it stops at 93 %": ("__hang_after_93", {"idle_timeout": 0.5}, Reason.IDLE_TIMEOUT),
    "it takes too long in all": ("__hang_after_93", {"total_timeout": 1.5}, Reason.TOTAL_TIMEOUT),
}


@pytest.mark.parametrize(("word", "limits", "reason"), HANGS.values(), ids=HANGS.keys())
async def test_a_job_that_never_ends_fails_and_frees_its_slot(
    simulator: Simulator, tmp_path: Path, word: str, limits: dict[str, Any], reason: Reason
) -> None:
    """Each hang is named by the test's id."""
    async with stage(simulator, tmp_path, **limits) as rig:
        ended = await rig.ended(await rig.imagine(f"a red fox {word}"))

        assert ended.failure is not None
        assert ended.failure.reason is reason
        await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")
        assert len(posts(rig)) == 1


async def test_a_relaxed_job_may_be_silent_for_longer(simulator: Simulator, tmp_path: Path) -> None:
    """Relax jobs wait for minutes between two signs of life; the limit for fast ones does not count."""
    async with stage(simulator, tmp_path, idle_timeout=0.1, total_timeout=0.1) as rig:
        ended = await rig.ended(await rig.imagine("a red fox --relax"))

        assert ended.state is State.SUCCEEDED


async def test_a_task_that_is_never_sent_fails_in_the_end(simulator: Simulator, tmp_path: Path) -> None:
    """Every slot hangs; the client hears of it instead of waiting for ever."""
    async with stage(simulator, tmp_path, config={"slots": 0}, queue_timeout=0.5) as rig:
        ended = await rig.ended(await rig.imagine("a red fox"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.QUEUE_TIMEOUT
        assert not posts(rig)


async def test_a_task_that_discord_keeps_refusing_fails_in_the_end(simulator: Simulator, tmp_path: Path) -> None:
    """429 for hours: going back to the queue again and again is no new beginning."""
    async with stage(simulator, tmp_path, queue_timeout=2) as rig:
        await rig.control("faults", fault="CloudflareBan", times=None)
        ended = await rig.ended(await rig.imagine("a red fox"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.QUEUE_TIMEOUT
        assert not jobs(rig)


SILENCES = ["NoEventAfterAccept"]


@pytest.mark.parametrize("fault", SILENCES)
async def test_silence_after_the_204_fails_as_unanswered(hasty: Rig, fault: str) -> None:
    """Discord took it and the bot never said a word: looked for in the history, then failed, never sent again."""
    await hasty.control("faults", fault=fault)
    ended = await hasty.ended(await hasty.imagine("a red fox"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.ACK_TIMEOUT
    assert len(posts(hasty)) == 1


async def test_a_bot_that_announces_and_never_answers_ends_by_silence(quick: Rig) -> None:
    """INTERACTION_CREATE came and nothing after it."""
    await quick.control("faults", fault="BotNeverAnswers")
    ended = await quick.ended(await quick.imagine("a red fox"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.IDLE_TIMEOUT


async def test_a_picture_that_comes_after_its_time_is_attached_and_marked(simulator: Simulator, tmp_path: Path) -> None:
    """The Task failed by time-out and stays failed, but the picture that was paid for is not lost."""
    async with stage(simulator, tmp_path, idle_timeout=0.05) as rig:
        await rig.control("clock", speed=40)  # so that it is late for certain
        failed = await rig.ended(await rig.imagine("a red fox __slow"))
        attached = await later(rig, failed, lambda each: each.late)

        assert failed.state is attached.state is State.FAILED
        await assert_own_picture(rig, attached)


async def test_the_buttons_of_a_late_picture_work(simulator: Simulator, tmp_path: Path) -> None:
    """What was attached late can be picked from like any other grid."""
    async with stage(simulator, tmp_path, idle_timeout=0.05) as rig:
        await rig.control("clock", speed=40)  # so that it is late for certain
        failed = await rig.ended(await rig.imagine("a red fox __slow"))
        attached = await later(rig, failed, lambda each: each.late)
        picked = await rig.change(attached, Action.UPSCALE, 1)  # on a busy machine its picture is late, too

        await assert_own_picture(rig, await later(rig, picked, lambda each: each.has_final_picture))


async def test_identical_prompts_behind_a_hung_one_still_get_their_own(simulator: Simulator, tmp_path: Path) -> None:
    """The first of two equal prompts hangs without a job id: the second is held until that one has failed."""
    async with stage(simulator, tmp_path, idle_timeout=1) as rig:
        await rig.control("faults", fault="EventLost", event="MESSAGE_UPDATE", times=20)
        first, second = await rig.imagine("a red fox"), await rig.imagine("a red fox")
        ended = [await rig.ended(first), await rig.ended(second)]
        await eventually(lambda: len(jobs(rig, "finished")) == 2, "both are drawn")

        for task in ended:
            if task.state is State.SUCCEEDED:
                await assert_own_picture(rig, task)
