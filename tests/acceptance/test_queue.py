"""Waiting and being cancelled, on a stack whose jobs take their time."""

from collections.abc import AsyncIterator

import pytest

from tests.acceptance.client import Client, client_of
from tests.support.stack import running_stack


@pytest.fixture
async def slow(tmp_path) -> AsyncIterator[Client]:
    """A client of a stack with one account, where a job takes longer than the test."""
    with running_stack(tmp_path, MIDWAY_SIMULATOR_SPEED="1", MIDWAY_SIMULATOR_ACCOUNTS="1") as stack:
        async with client_of(stack) as client:
            yield client


async def test_the_fourth_waits_in_the_queue_and_a_cancelled_one_leaves_it(slow):
    running = [await slow.submit("imagine", prompt=f"a tree {number}") for number in range(3)]
    waiting = await slow.submit("imagine", prompt="a tree that waits")

    queued = (await slow.get("/mj/task/queue"))[1]
    cancelled = await slow.post(f"/mj/task/{waiting}/cancel", None)

    assert waiting in {task["id"] for task in queued}
    assert {task["status"] for task in queued} == {"NOT_START"}
    said = {"code": 1, "description": "成功", "result": waiting, "properties": {"status": "FAILURE"}}
    assert cancelled == (200, said)
    task = await slow.fetch(waiting)
    assert (task["status"], task["failReason"], task["progress"]) == ("FAILURE", "取消任务", "")
    assert waiting not in {task["id"] for task in (await slow.get("/mj/task/queue"))[1]}
    assert not await slow.jobs_of("a tree that waits")
    assert {(await slow.fetch(task_id))["status"] for task_id in running} != {"FAILURE"}
