"""How busy the engine keeps Midjourney: its jobs against slots that are never empty."""

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from benchmarks.measure import Comparison, Scale
from benchmarks.stack import Bench, bench

SPEED = 100  # a grid of 20 to 60 s takes 0.2 to 0.6 s
ACCOUNTS = 5
SLOTS = 3 * ACCOUNTS


async def run(scale: Scale) -> list[Comparison]:
    """Measure grids a second, submitted all at once."""
    grids = Comparison(f"engine: grids, {SLOTS} slots at speed {SPEED}", "the same jobs without a pause", "1/s")
    async with bench(speed=SPEED, accounts=ACCOUNTS) as running:
        for number in range(scale.rounds):
            jobs = await drawn(running, scale.count(150), f"round {number}")
            begun, ended = min(begun for begun, _ in jobs), max(ended for _, ended in jobs)
            busy = sum((ended - begun for begun, ended in jobs), timedelta())
            grids.add(ours=len(jobs) / (ended - begun).total_seconds(), bare=len(jobs) * SLOTS / busy.total_seconds())
    return [grids]


async def drawn(running: Bench, count: int, name: str) -> list[tuple[datetime, datetime]]:
    """Draw grids; return when each job began and ended, by the simulator's journal."""
    tasks = await asyncio.gather(*(running.imagine(f"{name} fox {number}") for number in range(count)))
    await asyncio.gather(*(running.ended(task.id) for task in tasks))
    async with running.http.get(f"{running.stack.addresses.simulator}/__sim/journal?kind=job") as answer:
        lines = [json.loads(line) async for line in answer.content]
    return jobs_in(line for line in lines if line["prompt"].startswith(name))


def jobs_in(lines: Iterable[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    """Read begin and end of each job."""
    times: dict[str, dict[str, datetime]] = {}
    for line in lines:
        times.setdefault(line["job_id"], {})[line["what"]] = datetime.fromisoformat(line["time"])
    return [(job["started"], job["finished"]) for job in times.values()]
