"""A thousand watchers of one Task against one: the server's computing time, and when the last one heard."""

import asyncio
import time
from dataclasses import dataclass

from midjourney.v1 import query_pb2

from benchmarks.measure import Comparison, Scale
from benchmarks.stack import Bench, bench

WATCHERS = 1000
ACCOUNTS = 20  # every round leaves a job that never ends


@dataclass(frozen=True)
class Delivery:
    """What one change cost."""

    cpu_milliseconds: float
    last_heard_milliseconds: float


async def run(scale: Scale) -> list[Comparison]:
    """Measure one change of state, with one watcher and with many."""
    count = scale.count(WATCHERS)
    cpu = Comparison(f"watch: server CPU for a change, {count} watchers", "1 watcher", "ms")
    heard = Comparison(f"watch: until the last of {count} heard", "until 1 heard", "ms")
    async with bench(speed=100, accounts=ACCOUNTS) as running:
        for _ in range(scale.rounds):
            one, many = await delivered(running, 1), await delivered(running, count)
            cpu.add(ours=many.cpu_milliseconds, bare=one.cpu_milliseconds)
            heard.add(ours=many.last_heard_milliseconds, bare=one.last_heard_milliseconds)
    return [cpu, heard]


async def delivered(running: Bench, count: int) -> Delivery:
    """Let so many watch a job that hangs, then cancel it: one change, which ends every watch."""
    task = await running.imagine("a fox __hang")
    ready = asyncio.Barrier(count + 1)

    async def watch() -> None:
        updates = aiter(running.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id)))
        await anext(updates)
        await ready.wait()
        async for _ in updates:
            pass

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(watch(), name=f"watcher {number}")
        await ready.wait()
        cpu, begun = running.server_cpu_seconds(), time.perf_counter()
        await running.tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=task.id))
    ended = time.perf_counter()
    return Delivery((running.server_cpu_seconds() - cpu) * 1000, (ended - begun) * 1000)
