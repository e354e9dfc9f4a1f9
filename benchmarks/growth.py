"""Calls and the start with a million stored Tasks, against the same with a thousand, or with none."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from midjourney.v1 import query_pb2

from benchmarks.calls import AT_ONCE, SLOWEST
from benchmarks.fill import fill, task_id
from benchmarks.measure import Figure, Scale, Target, per_second
from benchmarks.process import CpuMeter
from benchmarks.stack import Bench, Server

FEW, MANY = 1_000, 1_000_000
UNFINISHED = 500
PAGE = 50
SECONDS = 1.5
Call = Callable[[int], Awaitable[object]]


async def run(scale: Scale) -> list[Figure]:
    """Measure a server on a large database against one on a small one."""
    many = scale.count(MANY)
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        small, large = bench.directory / "small", bench.directory / "large"
        await fill(small / "midway.db", scale.count(FEW))
        await fill(large / "midway.db", many)
        few_server, many_server = await bench.server(simulator, data=small), await bench.server(simulator, data=large)
        figures = []
        for name in ("GetTask", f"ListTasks, a page of {PAGE}", "SubmitImagine", "start of a watch"):
            figure = Figure(f"{name}, {many:,} stored Tasks", "1/s", Target(0.9), f"{FEW:,} stored Tasks")
            for _ in range(scale.rounds):
                few_rate = await rate(scale, calls(few_server, scale.count(FEW))[name])
                with CpuMeter({"server": many_server.pid}) as cpu:
                    many_rate = await rate(scale, calls(many_server, many)[name])
                figure.add(many_rate, few_rate, cpu.used)
            figures.append(figure)
        for server in (few_server, many_server):
            await bench.stop(server.pid)
        figures.append(await starts(scale, bench, simulator, large))
    return figures


def calls(server: Server, stored: int) -> dict[str, Call]:
    """Name what is called; ids are drawn from all that are stored."""
    random = Random(1)

    def anyone() -> str:
        return task_id(random.randrange(stored))

    async def watch(_: int) -> None:
        async for _update in server.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=anyone())):
            pass

    return {
        "GetTask": lambda _: server.tasks.GetTask(query_pb2.GetTaskRequest(task_id=anyone())),
        f"ListTasks, a page of {PAGE}": lambda _: server.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=PAGE)),
        "SubmitImagine": lambda number: server.imagine(f"a red fox in the snow, number {number}"),
        "start of a watch": watch,
    }


async def rate(scale: Scale, call: Call) -> float:
    """Call for a round's time."""
    return await per_second(call, scale.seconds(SECONDS), at_once=AT_ONCE)


async def starts(scale: Scale, bench: Bench, simulator: str, large: Path) -> Figure:
    """Compare the time from the process's begin to its readiness: how much longer the large database takes."""
    many = scale.count(MANY)
    figure = Figure(
        f"start with {many:,} stored and {UNFINISHED} unfinished Tasks, more than with none",
        "s",
        Target(2, at_most=True),
    )
    loaded = bench.directory / "loaded"
    await fill(loaded / "midway.db", many, UNFINISHED)
    for number in range(scale.rounds):
        empty = await start_seconds(bench, simulator, bench.directory / f"empty-{number}")
        figure.add(await start_seconds(bench, simulator, loaded) - empty)
    return figure


async def start_seconds(bench: Bench, simulator: str, data: Path) -> float:
    """Start a server on a database, and stop it again."""
    begun = time.perf_counter()
    server = await bench.server(simulator, data=data)
    seconds = time.perf_counter() - begun
    await bench.stop(server.pid)
    return seconds
