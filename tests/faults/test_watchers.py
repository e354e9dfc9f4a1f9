"""A thousand watchers come and go; none leaves anything behind in the server."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from discord_simulator.app import Simulator
from midjourney.v1 import query_pb2, task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.domain.task import Task

from tests.faults.stage import stage
from tests.rpc.served import Served, serving
from tests.support.upstream import eventually

WatchCall = grpc.aio.UnaryStreamCall[query_pb2.WatchTaskRequest, query_pb2.WatchTaskResponse]
TASKS = 200
WATCHERS = 1000
CONNECTIONS = 5
LEAVE = 3  # every third watcher goes half-way
KEPT = 0.05  # of what a round takes; more that is still there after it would be a leak


@dataclass(frozen=True)
class Held:
    """What the server holds for its watchers, counted."""

    waiting: int  # streams that wait in the watch hub
    handlers: int  # open streams of the gRPC server
    tasks: int  # of asyncio


@pytest.fixture
async def quiet(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Served]:
    """A server whose account has no slot, so that Tasks wait until they are cancelled."""
    async with (
        stage(simulator, tmp_path, config={"slots": 0, "max_queued": 10 * TASKS}) as rig,
        serving(rig) as served,
    ):
        yield served


def held(served: Served) -> Held:
    """Count."""
    waiting = sum(len(waiters) for waiters in served.rig.engine.watch._waiters.values())
    return Held(waiting, len(served.doors.layers.drain._open), len(asyncio.all_tasks()))


def nothing_more_than(before: Held, now: Held) -> bool:
    """Tell whether nothing has been added."""
    return (now.waiting, now.handlers) == (before.waiting, before.handlers) and now.tasks <= before.tasks


async def round_of_watchers(served: Served, watchers: int = WATCHERS) -> Held:
    """Let so many watch, a third of them leave, and every Task end; return what was held at the fullest."""
    tasks = [await served.rig.imagine(f"fox number {number}") for number in range(TASKS)]
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(channel_to(served)) for _ in range(CONNECTIONS)]
        calls = [watch(channels[number % CONNECTIONS], tasks[number % TASKS]) for number in range(watchers)]
        await asyncio.gather(*(call.read() for call in calls))
        await eventually(lambda: held(served).waiting == watchers, "all of them wait")
        fullest = held(served)
        leaving, staying = calls[::LEAVE], [call for number, call in enumerate(calls) if number % LEAVE]
        for call in leaving:
            call.cancel()
        await eventually(lambda: held(served).waiting == len(staying), "a third has gone")
        await asyncio.gather(*(served.rig.engine.cancel(task.id) for task in tasks))
        assert all(await asyncio.gather(*map(sees_the_end, staying)))
    return fullest


def channel_to(served: Served) -> grpc.aio.Channel:
    """Open a connection of its own; by default grpc would share one."""
    return grpc.aio.insecure_channel(
        f"127.0.0.1:{served.doors.grpc_port}", options=[("grpc.use_local_subchannel_pool", 1)]
    )


def watch(channel: grpc.aio.Channel, task: Task) -> WatchCall:
    """Begin to watch."""
    return MidjourneyServiceStub(channel).WatchTask(query_pb2.WatchTaskRequest(task_id=task.id))


async def sees_the_end(call: WatchCall) -> bool:
    """Read a watch to its end; tell whether the last it showed was the Task's end."""
    last = None
    while isinstance(update := await call.read(), query_pb2.WatchTaskResponse):  # else the end of the stream
        last = update.task.state if update.HasField("task") else last
    return last == task_pb2.Task.STATE_CANCELLED


async def test_a_thousand_watchers_leave_no_handler_behind(quiet: Served) -> None:
    """Counted: streams in the hub, handlers of the server, tasks of the loop (some of its start may have ended)."""
    before = held(quiet)
    fullest = await round_of_watchers(quiet)

    assert (fullest.waiting, fullest.handlers) == (WATCHERS, WATCHERS)
    await eventually(lambda: nothing_more_than(before, held(quiet)), "everything is as it was")


async def memory_of_round(served: Served, watchers: int) -> tuple[int, int]:
    """Let a round come and go; return the bytes that it left behind, and those that it took at the most."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    await round_of_watchers(served, watchers)
    await eventually(lambda: held(served).handlers == 0, "all of them have gone")
    gc.collect()
    after, most = tracemalloc.get_traced_memory()
    return after - before, most - before


async def test_a_thousand_watchers_give_their_memory_back(quiet: Served) -> None:
    """A round's Tasks stay known for a while, however many watched: a thousand leave no more than one for each Task."""
    tracemalloc.start()
    try:
        for _ in range(2):  # fills what is kept for good
            await memory_of_round(quiet, TASKS)
        by_few, _ = await memory_of_round(quiet, TASKS)
        by_many, most = await memory_of_round(quiet, WATCHERS)
    finally:
        tracemalloc.stop()

    assert by_many - by_few < KEPT * most
