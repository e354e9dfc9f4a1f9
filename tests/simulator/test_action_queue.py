"""A job's messages keep their order, whatever is drawn first."""

import asyncio
from typing import Any

import pytest
from discord_simulator.bot.action_queue import ActionQueue


def future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def settled() -> None:
    """Let the loop call what the futures' ends have scheduled."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_without_a_drawing_it_acts_at_once():
    acts: list[str] = []
    ActionQueue().add(lambda: acts.append("start"))

    assert acts == ["start"]


async def test_a_late_drawing_holds_back_all_that_comes_after():
    acts: list[str] = []
    queue, preview, result = ActionQueue(), future(), future()
    queue.add_drawn(preview, acts.append)
    queue.add_drawn(result, acts.append)
    queue.add(lambda: acts.append("delete"))
    result.set_result("result")
    await settled()
    assert acts == []

    preview.set_result("preview")
    await settled()
    assert acts == ["preview", "result", "delete"]


async def test_a_drawing_that_fails_is_reported_and_left_out():
    acts: list[str] = []
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    queue, broken = ActionQueue(), future()
    queue.add_drawn(broken, acts.append)
    queue.add(lambda: acts.append("delete"))
    broken.set_exception(OSError("disk full"))
    await settled()

    assert acts == ["delete"]
    assert [str(context["exception"]) for context in reported] == ["disk full"]


@pytest.mark.parametrize("order", ["before", "after"])
async def test_a_cancelled_drawing_ends_the_queue(order: str):
    """The world was reset: nothing of the job may be said any more."""
    acts: list[str] = []
    queue, gone = ActionQueue(), future()
    if order == "before":
        gone.cancel()
    queue.add_drawn(gone, acts.append)
    if order == "after":
        queue.add(lambda: acts.append("delete"))
        gone.cancel()
    await settled()

    assert acts == []
