"""A Task that goes back to the queue: not for ever, and each try with its own clocks."""

from pathlib import Path

from discord_simulator.app import Simulator
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.upstream import faults, jobs


async def test_a_task_that_discord_slows_down_for_ever_ends(simulator: Simulator, tmp_path: Path) -> None:
    """Each 429 began the wait in the queue anew, no limit counted, and the Task never ended."""
    async with stage(simulator, tmp_path, max_requeues=2) as rig:
        for client in rig.clients.values():
            client._sender._timeout = 0.1  # shorter than the wait that is asked for, as 15 seconds often are
        await rig.control("faults", fault="TooManyRequests", route="interactions", retry_after=0.2, times=None)
        ended = await rig.ended(await rig.imagine("a red fox"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.UPSTREAM_REJECTED
        assert faults(rig, "TooManyRequests") == 3


async def test_a_refused_try_leaves_no_clock_behind(simulator: Simulator, tmp_path: Path) -> None:
    """Its total deadline counted from the refused try, so it failed while it was being drawn."""
    async with stage(simulator, tmp_path, max_requeues=1) as rig:
        task = await rig.imagine("a red fox __queue_full")
        await rig.ended(task)
        told = await rig.store.history(task.id, task.revision)
        again = [each for each in told if each.state is State.QUEUED and each.notices]

        assert again
        assert all(each.started_at is None and each.progressed_at is None and each.progress == 0 for each in again)
        assert not jobs(rig)


async def test_going_back_to_the_queue_is_no_new_wait(simulator: Simulator, tmp_path: Path) -> None:
    """With a queue that stays full, the queue's own deadline must end the Task, however often it goes back."""
    async with stage(simulator, tmp_path, queue_timeout=1, queue_full_pause=0.1, max_requeues=1000) as rig:
        ended = await rig.ended(await rig.imagine("a red fox __queue_full"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.QUEUE_TIMEOUT
