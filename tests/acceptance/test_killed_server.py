"""What was answered is on the disk: a server that is killed and started again goes on where it was, and pays once."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from midjourney.v1 import task_pb2

from tests.acceptance.client import Client, client_of
from tests.acceptance.simulator import running_simulator
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

SUBMITS = 8
STATE_NAME = task_pb2.Task.State.Name
ACK_SECONDS = "3"  # what a killed server may have sent gets so long to show up before it is sent again


def stack_on(simulator: str, directory: Path):
    """Run a stack whose Tasks and jobs are those of the one before it."""
    return running_stack(directory, MIDWAY_SIMULATOR_URL=simulator, MIDWAY_ACK_TIMEOUT_SECONDS=ACK_SECONDS)


def kill_server(stack: StackProcess) -> None:
    """End the server as the kernel does when memory is short, and wait until the stack noticed."""
    (server,) = (pid for pid in stack.pids("midway.app.cli serve") if pid != stack.process.pid)
    os.kill(server, signal.SIGKILL)
    stack.process.wait(PATIENCE_SECONDS)


async def reached(client: Client, task_id: str, state: task_pb2.Task.State.ValueType) -> None:
    """Watch until a Task is in a state, or beyond."""
    async for update in client.updates(task_id):
        if update.task.state >= state:
            return


async def prompts_with_one_job(client: Client, prompts: list[str]) -> list[str]:
    return [prompt for prompt in prompts if len(await client.jobs_of(prompt)) == 1]


@pytest.mark.parametrize(
    "state",
    [
        task_pb2.Task.STATE_QUEUED,
        task_pb2.Task.STATE_SUBMITTING,
        task_pb2.Task.STATE_SUBMITTED,
        task_pb2.Task.STATE_IN_PROGRESS,
    ],
    ids=STATE_NAME,
)
async def test_a_task_finishes_with_one_job_whenever_the_server_was_killed(simulator, tmp_path, state):
    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            task_id = await client.submit("imagine", prompt="a fox that survives")
            await reached(client, task_id, state)
            kill_server(stack)

    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            task = await client.succeeded(task_id)

            assert await client.jobs_of("a fox that survives") == [task["jobId"]]
            assert (await client.picture(task_id))["job"] == task["jobId"]


@pytest.mark.parametrize("answers", [1, 4, SUBMITS])
async def test_every_answered_submit_is_kept_when_the_server_dies_among_many(simulator, tmp_path, answers):
    prompts = [f"fox number {number} of a crowd" for number in range(SUBMITS)]
    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            kept = await answered_before_the_kill(stack, client, prompts, answers)

    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            tasks = await asyncio.gather(*(client.succeeded(task_id) for task_id in kept.values()))

            assert [task["prompt"] for task in tasks] == list(kept)
            assert await prompts_with_one_job(client, list(kept)) == list(kept)


async def answered_before_the_kill(
    stack: StackProcess, client: Client, prompts: list[str], answers: int
) -> dict[str, str]:
    """Submit all at once, kill the server after so many answers, and return the ids that were answered, by prompt."""
    kept: dict[str, str] = {}

    async def submit(prompt: str) -> None:
        try:
            status, answer = await client.post("/mj/submit/imagine", {"prompt": prompt})
        except aiohttp.ClientError:
            return  # Envoy went down with the stack; nothing was promised.
        if status == 200:
            kept[prompt] = answer["result"]
        if len(kept) == answers and stack.process.poll() is None:
            kill_server(stack)

    await asyncio.gather(*(submit(prompt) for prompt in prompts))
    return kept


@pytest.mark.parametrize("state", [task_pb2.Task.STATE_QUEUED, task_pb2.Task.STATE_IN_PROGRESS], ids=STATE_NAME)
async def test_a_prompt_of_several_jobs_gets_one_job_each_over_a_kill(simulator, tmp_path, state):
    """Four jobs that look the same; the client asks again, as it heard no answer."""
    request = {"prompt": "a fox four times --repeat 4", "request_id": "four"}
    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            _, answer = await client.post("/v1/tasks:imagine", request)
            await reached(client, answer["task"]["id"], state)
            kill_server(stack)

    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            _, again = await client.post("/v1/tasks:imagine", request)
            tasks = [await client.succeeded(task_id) for task_id in again["task"]["batchTaskIds"]]

            assert again["task"]["batchTaskIds"] == answer["task"]["batchTaskIds"]
            assert sorted(task["jobId"] for task in tasks) == sorted(await client.jobs_of("a fox four times"))
            for task in tasks:
                assert (await client.picture(task["id"]))["job"] == task["jobId"]


async def test_a_watch_resumes_over_the_restart(tmp_path):
    with running_simulator(speed=20) as simulator:
        with stack_on(simulator, tmp_path) as stack:
            async with client_of(stack) as client:
                task_id = await client.submit("imagine", prompt="a fox on a long way")
                last = (await anext(client.updates(task_id))).revision
                kill_server(stack)

        with stack_on(simulator, tmp_path) as stack:
            async with client_of(stack) as client:
                revisions = [update.revision async for update in client.updates(task_id, last)]

        assert revisions == sorted(set(revisions))
        assert revisions[0] > last


async def test_a_finished_task_is_the_same_after_a_kill(simulator, tmp_path):
    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            before = await client.done("imagine", prompt="a fox that is done")
            kill_server(stack)

    with stack_on(simulator, tmp_path) as stack:
        async with client_of(stack) as client:
            await client.done("imagine", prompt="a fox that comes after the history was read")

            assert await client.fetch(before["id"]) == before
