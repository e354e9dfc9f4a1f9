"""How long a write of the Store takes while two hundred accounts draw, compared with an idle server."""

import asyncio
import statistics
import sys
from pathlib import Path

from benchmarks.clients import Clients, connected
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import Accounts, Bench

ACCOUNTS, SLOTS = 200, 3
FASTEST = 20.0  # of Midjourney's pace, for fewer accounts
LEVEL_SECONDS = 60.0  # after the first job; as many begin and end then as ever
SECONDS = 20.0  # of a round, and before the first


async def run(scale: Scale) -> list[Figure]:
    """Measure writes one at a time, made by the server itself (`writing.py`)."""
    accounts = scale.count(ACCOUNTS)
    name = f"a write of the Store, one at a time, median, while {accounts} accounts × {SLOTS} jobs are drawn"
    figure = Figure(name, "ms", Target(3, at_most=True), "the same while nothing is drawn")
    speed = min(ACCOUNTS / accounts, FASTEST)
    async with Bench() as bench:
        noted = bench.directory / "writes"
        simulator, _ = await bench.simulator(speed=speed, accounts=accounts)
        command = (sys.executable, "-m", "benchmarks.writing", str(noted))
        server = await bench.server(simulator, Accounts(accounts, SLOTS), command=command)
        await connected(server)
        quiet = await written(noted, scale)
        clients = Clients(server)
        async with clients.drawing(accounts, SLOTS, speed=speed):
            await asyncio.sleep(scale.seconds(LEVEL_SECONDS))
            for _ in range(scale.rounds):
                with CpuMeter({"server": server.pid}) as cpu:
                    busy = await written(noted, scale)
                figure.add(busy, quiet, cpu.used)
    return [figure]


async def written(noted: Path, scale: Scale) -> float:
    """Return how long a write took in the median, in ms, for a round's time."""
    read_anew(noted)
    await asyncio.sleep(scale.seconds(SECONDS) + 1)
    return statistics.median(read_anew(noted))


def read_anew(noted: Path) -> list[float]:
    """Return what was noted, and forget it."""
    times = [float(line) for line in noted.read_text().splitlines()]
    noted.write_text("")
    return times
