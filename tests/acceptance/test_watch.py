"""A watch tells a Task's life in order; who breaks off and resumes misses nothing and hears nothing twice."""

import asyncio
import itertools
import os
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import aclosing

from midjourney.v1 import task_pb2

from tests.acceptance.client import Client, Json
from tests.support.processes import tied

# Watches a Task, and tells of every update its revision and state; knows nothing of Midway but the contract.
WATCHER = """
import sys
import grpc
from midjourney.v1 import query_pb2, task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub

address, task_id = sys.argv[1:]
tasks = MidjourneyServiceStub(grpc.insecure_channel(address))
for update in tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
    print(update.revision, task_pb2.Task.State.Name(update.task.state), flush=True)
"""
LIFE = ["QUEUED", "SUBMITTING", "SUBMITTED", "IN_PROGRESS", "SUCCEEDED"]
News = list[tuple[int, str]]  # revision and state of each update


def states(news: News) -> list[str]:
    """Name each state once, in the order told."""
    return [state for state, _ in itertools.groupby(state for _, state in news)]


def assert_told_once_and_in_order(news: News) -> None:
    revisions = [revision for revision, _ in news]
    assert revisions == sorted(set(revisions))


async def whole_life(client: Client, task_id: str, after_revision: int = 0) -> News:
    """Watch a Task over gRPC to its end."""
    updates = client.updates(task_id, after_revision)
    return [(update.revision, state_name(update.task)) async for update in updates]


def state_name(task: task_pb2.Task) -> str:
    return task_pb2.Task.State.Name(task.state).removeprefix("STATE_")


async def whole_life_in_events(client: Client, task_id: str, after_revision: int = 0) -> News:
    """Watch a Task as server-sent events to its end."""
    events = client.events(task_id, after_revision)
    return [news_of(event) async for event in events]


def news_of(event: Json) -> tuple[int, str]:
    return int(event["revision"]), event["task"]["state"].removeprefix("STATE_")


async def seen_by_a_killed_client(address: str, task_id: str, after_updates: int) -> News:
    """Let another process watch, kill it after some updates, and return what it had printed."""
    watcher = await asyncio.create_subprocess_exec(
        *tied(sys.executable, "-c", WATCHER, address, task_id),
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": "generated"},
    )
    assert watcher.stdout is not None
    lines = [await watcher.stdout.readline() for _ in range(after_updates)]
    watcher.send_signal(signal.SIGKILL)
    rest, _ = await watcher.communicate()
    told = [line.split() for line in (*lines, *rest.splitlines(keepends=True)) if line.endswith(b"\n")]
    return [(int(revision), state.decode().removeprefix("STATE_")) for revision, state in told]


async def test_both_kinds_of_watch_tell_the_whole_life_in_order(client):
    task_id = await client.submit("imagine", prompt="a river __slow")

    by_grpc, by_events = await asyncio.gather(whole_life(client, task_id), whole_life_in_events(client, task_id))

    for news in (by_grpc, by_events):
        assert_told_once_and_in_order(news)
        assert states(news) == LIFE[-len(states(news)) :]
    assert by_grpc[-1] == by_events[-1]


async def test_a_killed_client_resumes_without_gap_or_repetition(client, stack):
    task_id = await client.submit("imagine", prompt="a mountain __slow")
    witness = asyncio.create_task(whole_life(client, task_id), name="witness")

    before = await seen_by_a_killed_client(stack.grpc, task_id, after_updates=2)
    after = await whole_life(client, task_id, after_revision=before[-1][0])

    assert_told_once_and_in_order(before + after)
    assert states(before + after) == states(await witness)[-len(states(before + after)) :]
    assert states(before + after)[-1] == "SUCCEEDED"


async def test_a_reader_of_events_resumes_without_gap_or_repetition(client):
    task_id = await client.submit("imagine", prompt="a valley __slow")
    async with aclosing(client.events(task_id)) as events:
        first = [news_of(await anext(events)) for _ in range(2)]

    rest = await whole_life_in_events(client, task_id, after_revision=first[-1][0])

    assert_told_once_and_in_order(first + rest)
    assert rest[-1][1] == "SUCCEEDED"


async def test_a_watch_of_an_ended_task_tells_its_end_and_ends(client):
    task = await client.done("imagine", prompt="a door")

    news = await whole_life(client, task["id"])

    assert states(news) == ["SUCCEEDED"]


async def test_a_watch_resumed_after_the_end_is_told_nothing_again(client):
    task = await client.done("imagine", prompt="a window")
    ((last, _),) = await whole_life(client, task["id"])

    assert await whole_life(client, task["id"], after_revision=last) == []


async def test_a_reader_that_does_not_read_slows_nobody_and_misses_no_end(client):
    async with client.http.get("/v1/tasks:watch") as stalled:
        prompts = [f"a stone {number}" for number in range(30)]
        task_ids = await asyncio.gather(*(client.submit("imagine", prompt=prompt) for prompt in prompts))
        await asyncio.gather(*(client.succeeded(task_id) for task_id in task_ids))

        missing = set(task_ids)
        async for line in stalled.content:
            missing -= {task_id for task_id in missing if task_id.encode() in line and b"STATE_SUCCEEDED" in line}
            if not missing:
                break

    assert not missing
