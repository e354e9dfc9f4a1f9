"""A server's memory: idle, and per watcher, running Task and Account."""

import asyncio
from contextlib import AsyncExitStack

from midjourney.v1 import query_pb2

from benchmarks.fanout import own_channel, raw_watch
from benchmarks.measure import Figure, Scale, Target
from benchmarks.stack import Accounts, Bench, Server

MB, KB = 1_000_000, 1_000
WATCHERS, CONNECTIONS = 1000, 10
TASKS = 500
GROUP = 20  # Tasks that begin together: the simulator draws the first preview of each
ACCOUNTS = 20
HANGS = "__hang_after_93"  # in a prompt: the job begins, and then makes no more progress
SPEED = 20  # of Midjourney's, which gives up such a job after an hour


async def run(scale: Scale) -> list[Figure]:
    """Measure the resident set before and after; memory varies little, so one round tells."""
    idle = Figure("memory of an idle server", "MB", Target(120, at_most=True))
    watcher = Figure("memory for each idle watcher", "kB", Target(40, at_most=True))
    task = Figure("memory for each running Task", "kB", Target(50, at_most=True))
    account = Figure("memory for each Account", "MB", Target(3, at_most=True))
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SPEED, accounts=ACCOUNTS)
        await bench.steer(simulator, "options", slots=2 * TASKS)
        one = await bench.server(simulator, Accounts(1, slots=2 * TASKS))
        await settled(one)
        many = await bench.server(simulator, Accounts(ACCOUNTS))
        await settled(many)
        idle.add(one.memory / MB)
        account.add((many.memory - one.memory) / (ACCOUNTS - 1) / MB)
        await bench.stop(many.pid)
        task.add(await by_running_task(one, scale.count(TASKS)) / KB)
        watcher.add(await by_watcher(one, scale.count(WATCHERS)) / KB)
    return [idle, watcher, task, account]


async def settled(server: Server) -> None:
    """Return when a server has connected and begun what it does in the background."""
    await asyncio.sleep(1)


async def by_running_task(server: Server, count: int) -> float:
    """Submit Tasks that run on; return the bytes for each, once all of them run."""
    before = server.memory
    for first in range(0, count, GROUP):
        numbers = range(first, min(first + GROUP, count))
        tasks = [await server.imagine(f"a red fox in the snow, number {number} {HANGS}") for number in numbers]
        for task in tasks:
            await until_started(server, task.id)
    return (server.memory - before) / count


async def until_started(server: Server, task_id: str) -> None:
    """Ask for a Task until Midjourney has begun; a thousand watches at once would be measured, too."""
    while True:
        task = (await server.tasks.GetTask(query_pb2.GetTaskRequest(task_id=task_id))).task
        if task.finish_time.seconds:
            raise RuntimeError(f"a Task that shall run has ended: {task.failure}")
        if task.progress_percent:
            return
        await asyncio.sleep(0.1)


async def by_watcher(server: Server, count: int) -> float:
    """Open watches of one Task that does not change; return the bytes for each."""
    task = await server.imagine(f"a red fox that is watched {HANGS}")
    await until_started(server, task.id)
    before = server.memory
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(own_channel(server.address)) for _ in range(CONNECTIONS)]
        request = query_pb2.WatchTaskRequest(task_id=task.id).SerializeToString()
        calls = [raw_watch(channels[number % CONNECTIONS], request) for number in range(count)]
        await asyncio.gather(*(call.read() for call in calls))
        return (server.memory - before) / count
