"""`python -m benchmarks.soak --minutes 60`: does the server's memory grow under constant work, with watchers?"""

import argparse
import asyncio
import statistics
import time
from random import Random

import uvloop
from midjourney.v1 import query_pb2, task_pb2

from benchmarks import results
from benchmarks.__main__ import publish, show
from benchmarks.measure import Figure, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import Accounts, Bench, Server

SPEED = 100
SLOTS = 6
ACCOUNTS = 2
AT_ONCE = 8  # clients, each with one Task at a time
WARM_SHARE = 1 / 6  # of the time; by then all permanent allocations have been made
LEAVES = 0.3  # of the watchers disconnect before their Task ends
EVERY_SECONDS = 5.0
MB = 1_000_000


async def soak(minutes: float, seed: int = 1) -> Figure:
    """Work for so long; compare the memory of the last tenth with that after the first sixth."""
    name = f"memory after {minutes:g} min of work, over that after {minutes * WARM_SHARE:g} min"
    figure = Figure(name, "MB", Target(1.05, at_most=True), "the same server, warm")
    samples: list[tuple[float, float]] = []
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SPEED, accounts=ACCOUNTS)
        await bench.steer(simulator, "options", slots=SLOTS)
        server = await bench.server(simulator, Accounts(ACCOUNTS, slots=SLOTS))
        with CpuMeter({"server": server.pid}) as cpu:
            async with asyncio.TaskGroup() as group:
                begun = time.monotonic()
                end = begun + minutes * 60
                group.create_task(sample(server, begun, end, samples), name="samples")
                for number in range(AT_ONCE):
                    group.create_task(client(server, Random(seed * 1000 + number), end), name=f"client {number}")
    warm, last = minutes * 60 * WARM_SHARE, minutes * 60 * 0.9
    near_warm = [memory for at, memory in samples if warm <= at <= warm * 1.3] or [samples[0][1]]
    at_the_end = [memory for at, memory in samples if at >= last] or [samples[-1][1]]
    figure.add(statistics.median(at_the_end), statistics.median(near_warm), cpu.used)
    return figure


async def sample(server: Server, begun: float, end: float, samples: list[tuple[float, float]]) -> None:
    """Note the memory again and again, in MB, with the seconds since the beginning."""
    while (now := time.monotonic()) < end:
        samples.append((now - begun, server.memory / MB))
        print(f"{(now - begun) / 60:6.1f} min  {server.memory / MB:6.1f} MB", flush=True)
        await asyncio.sleep(min(EVERY_SECONDS, end - now))


async def client(server: Server, random: Random, end: float) -> None:
    """Draw one picture after the other, with a watcher or several, some of whom leave."""
    number = 0
    while time.monotonic() < end:
        number += 1
        task = await server.imagine(f"fox {random.randrange(50)} of {number}")
        await asyncio.gather(*(watch(server, task.id, random) for _ in range(random.randint(1, 5))))
        ended = await server.ended(task.id)
        if ended.state != task_pb2.Task.STATE_SUCCEEDED:
            raise RuntimeError(f"an imagine failed: {ended.failure}")


async def watch(server: Server, task_id: str, random: Random) -> None:
    """Watch a Task to its end, or leave."""
    stays = random.random() > LEAVES
    call = server.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id))
    async for update in call:
        if not stays and update.task.progress_percent > random.randrange(100):
            call.cancel()
            return


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--save", action="store_true", help="keep the result and show it in docs/performance.md")
    chosen = parser.parse_args()
    run = results.Run.of([uvloop.run(soak(chosen.minutes))])
    show([run])
    if chosen.save:
        run.save(results.DIRECTORY / "soak.json")
        publish()


if __name__ == "__main__":
    main()
