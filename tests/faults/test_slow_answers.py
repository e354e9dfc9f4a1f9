"""A POST that Discord carries out late. Who gives up too early pays twice: the client asks again."""

from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.discord.settings import ClientSettings
from midway.domain.errors import Reason
from midway.engine.limits import Limits

from tests.faults.stage import stage
from tests.support.upstream import assert_own_picture, jobs, later, posts

AS_USERS_HAVE_IT: dict[str, Any] = {"ack_timeout": Limits().ack_timeout.total_seconds()}
PATIENCE = {"interact_timeout": ClientSettings().interact_timeout.total_seconds()}


@pytest.mark.parametrize("seconds", [5, 20])
async def test_a_late_answer_is_waited_for(simulator: Simulator, tmp_path: Path, seconds: float) -> None:
    """A POST of 20 seconds ended as failed, and its picture came late."""
    async with stage(simulator, tmp_path, patience=PATIENCE, **AS_USERS_HAVE_IT) as rig:
        await rig.control("faults", fault="SlowAnswer", route="interactions", seconds=seconds)

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))
        assert len(posts(rig)) == len(jobs(rig)) == 1


async def test_a_picture_of_an_answer_that_comes_far_too_late_is_attached(simulator: Simulator, tmp_path: Path) -> None:
    """Twice what is waited for a first sign."""
    async with stage(simulator, tmp_path, patience={"interact_timeout": 5}, ack_timeout=5) as rig:
        [worker] = rig.engine._workers.values()
        far_too_late = 2 * worker._limits.ack_timeout.total_seconds()  # longer on a busy machine, as all its waits are
        await rig.control("faults", fault="SlowAnswer", route="interactions", seconds=far_too_late)
        ended = await rig.ended(await rig.imagine("a red fox"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        await assert_own_picture(rig, await later(rig, ended, lambda each: each.late))
        assert len(posts(rig)) == len(jobs(rig)) == 1


async def test_an_answer_that_is_late_while_the_history_is_empty_loses_nothing(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Discord stalled, and answered the read before it carried out the POST: that read began too early to tell."""
    async with stage(simulator, tmp_path, ack_timeout=2, slow_read=1, patience={"interact_timeout": 1}) as rig:
        await rig.control("faults", fault="SlowAnswer", route="interactions", seconds=3)
        await rig.control("faults", fault="SlowAnswer", route="history", seconds=2, times=2)

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))
        assert len(posts(rig)) == len(jobs(rig)) == 1
