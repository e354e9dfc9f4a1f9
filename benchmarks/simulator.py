"""The simulator's CPU time and latencies with a thousand accounts that draw three pictures each at real pace."""

import asyncio
import statistics

from benchmarks.crowd import Crowd, Seen
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import Bench

ACCOUNTS, SLOTS = 1000, 3
LEVEL_SECONDS = 60.0  # after the first job; as many begin and end then as ever
SECONDS = 60.0  # of a round
FASTEST = 20.0  # of Midjourney's pace, for fewer accounts
HALF_A_CORE = 0.5
READING_SHARE = 10  # one account of so many: more would take all of a small machine


async def run(scale: Scale) -> list[Figure]:
    """Measure in the same crowd: first nobody reads a picture, then a tenth of the accounts read each result."""
    accounts = scale.count(ACCOUNTS)
    crowd_is = f"simulator, {accounts} accounts × {SLOTS} jobs at real pace"
    share = Figure(f"{crowd_is}: share of a core", "", Target(HALF_A_CORE, at_most=True))
    each = Figure("CPU of the simulator for each of these jobs", "ms", Target(7, at_most=True))
    post = Figure("slowest POST of them", "s", Target(2, at_most=True))
    event = Figure("event → client, p99, of them", "ms", Target(500, at_most=True))
    beat = Figure("slowest answer to a heartbeat of them", "s", Target(2, at_most=True))
    read = Figure("CPU of the simulator for each result that is read, besides", "ms", Target(50, at_most=True))
    speed = min(ACCOUNTS / accounts, FASTEST)
    async with Bench() as bench:
        simulator, pid = await bench.simulator(speed=speed, accounts=accounts)
        async with Crowd(simulator, accounts, slots=SLOTS, speed=speed) as crowd:
            await asyncio.sleep(scale.seconds(LEVEL_SECONDS))
            for _ in range(scale.rounds):
                cpu, seen, seconds = await measured(crowd, pid, scale.seconds(SECONDS))
                share.add(cpu / seconds, cpu={"simulator": cpu})
                each.add(cpu / max(seen.jobs, 1) * 1000)
                post.add(max(seen.posts, default=0.0))
                event.add(percentile(seen.events) * 1000)
                beat.add(max(seen.heartbeats, default=0.0))
            crowd.readers = max(accounts // READING_SHARE, 1)
            cpu, seen, _ = await measured(crowd, pid, scale.seconds(SECONDS))
            read.add((cpu - seen.jobs * each.value / 1000) / max(seen.read, 1) * 1000)
    return [share, each, post, event, beat, read]


async def measured(crowd: Crowd, pid: int, seconds: float) -> tuple[float, Seen, float]:
    """Let the crowd draw for so long, and until something ended; return CPU-seconds, what it noticed, seconds."""
    loop = asyncio.get_running_loop()
    crowd.seen = Seen()
    begun = loop.time()
    with CpuMeter({"simulator": pid}) as meter:
        await asyncio.sleep(seconds)
        await crowd.seen.ended(1)  # of interest in the smallest rounds only
    return meter.used["simulator"], crowd.seen, loop.time() - begun


def percentile(delays: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(delays, n=100)[98] if len(delays) > 1 else max(delays, default=0.0)
