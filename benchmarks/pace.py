"""A server's CPU time and latencies with two hundred accounts that draw three pictures each at real pace."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.clients import Clients, Told, connected
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.relay import percent_of, prompt_of
from benchmarks.simulator import percentile
from benchmarks.stack import Accounts, Bench, Server

ACCOUNTS, SLOTS = 200, 3
FASTEST = 20.0  # of Midjourney's pace, for fewer accounts
IDLE_SECONDS = 60.0
QUIET_SPEED = 50.0  # of Midjourney's pace: one job at a time is quiet at any
QUIET_JOBS = 300  # the slowest three do not count
LEVEL_SECONDS = 60.0  # after the first job; as many begin and end then as ever
SECONDS = 600.0
TIMES = 4  # that of the quiet server at most
QUIET = f"the same, one account, one job at a time, {QUIET_SPEED:g} times as fast"


async def run(scale: Scale) -> list[Figure]:
    """Measure one server: idle, then quiet, then busy; ten minutes tell more than rounds."""
    accounts = scale.count(ACCOUNTS)
    crowd = f"{accounts} accounts × {SLOTS} jobs at real pace"
    busy = Figure(f"server, {crowd}: share of a core", "", Target(0.12, at_most=True))
    idle = Figure(f"server, {accounts} accounts and no job: share of a core", "", Target(0.03, at_most=True))
    failed = Figure(f"Tasks that failed, {crowd}", "", Target(0, at_most=True))
    submit, post, event = (
        Figure(f"{what}, p99, {crowd}", "ms", Target(TIMES, at_most=True), QUIET)
        for what in ("submit → answer", "accepted → POST at Discord", "event received → watcher")
    )
    late = Figure(f"looks at the server's loop that come more than 10 ms late, {crowd}: share of them", "", None)
    speed = min(ACCOUNTS / accounts, FASTEST)
    async with Bench() as bench:
        heard = bench.directory / "heard"
        simulator, _ = await bench.simulator(speed=speed, accounts=accounts)
        command = (sys.executable, "-m", "benchmarks.hearing", str(heard))
        server = await bench.server(simulator, Accounts(accounts, SLOTS), command=command)
        clients, watch = Clients(server), Observer(simulator, heard)
        await connected(server)
        idle.add(*await share_of_a_core(server, scale.seconds(IDLE_SECONDS)))
        await bench.steer(simulator, "clock", speed=QUIET_SPEED)
        for number in range(scale.count(QUIET_JOBS)):
            await clients.draw(1, f"quiet fox {number}")
        quiet = await watch.waited(clients.told)
        await bench.steer(simulator, "clock", speed=speed)
        async with clients.drawing(accounts, SLOTS, speed=speed):
            await asyncio.sleep(scale.seconds(LEVEL_SECONDS))
            clients.told = Told()
            looks_before, late_before = await looks(server)
            busy.add(*await share_of_a_core(server, scale.seconds(SECONDS)))
            looks_after, late_after = await looks(server)
            await clients.told.ended(1)
            told = clients.told
        waited = await watch.waited(told)
    failed.add(len(told.failures))
    submit.add(waited.submit, quiet.submit)
    post.add(waited.post, quiet.post)
    event.add(waited.event, quiet.event)
    late.add((late_after - late_before) / (looks_after - looks_before))
    return [busy, idle, failed, submit, post, event, late]


async def share_of_a_core(server: Server, seconds: float) -> tuple[float, None, dict[str, float]]:
    """Wait for so long; return what the server took of a core, and its CPU-seconds, as `Figure.add` takes them."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with CpuMeter({"server": server.pid}) as cpu:
        await asyncio.sleep(seconds)
    return cpu.used["server"] / (loop.time() - begun), None, cpu.used


async def looks(server: Server) -> tuple[float, float]:
    """Return how often the server looked at its loop's lag, and how often it was more than 10 ms."""
    async with aiohttp.ClientSession() as http, http.get(server.metrics) as answer:
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    lag = {sample.labels.get("le"): sample.value for sample in families["midway_event_loop_lag_seconds"].samples}
    return lag["+Inf"], lag["+Inf"] - lag["0.01"]


@dataclass(frozen=True)
class Waited:
    """99th percentiles, in ms."""

    submit: float
    post: float
    event: float


@dataclass(frozen=True)
class Observer:
    """Compares what clients received with what Discord and the server recorded."""

    simulator: str
    heard: Path  # of `hearing.py`

    async def waited(self, told: Told) -> Waited:
        """Return how long each step took."""
        posted, received = await self._posted(), self._received()
        posts = [posted[prompt] - accepted for prompt, accepted in told.accepted.items() if prompt in posted]
        events = [got - received[step] for step, got in told.steps.items() if step in received]
        return Waited(*(percentile(seconds) * 1000 for seconds in (told.submits, posts, events)))

    async def _posted(self) -> dict[str, float]:
        """Return when Discord first got each prompt."""
        posted: dict[str, float] = {}
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.simulator}/__sim/journal", params={"kind": "interaction"}) as answer,
        ):
            for line in map(json.loads, (await answer.read()).splitlines()):
                posted.setdefault(line["prompt"], datetime.fromisoformat(line["time"]).timestamp())
        return posted

    def _received(self) -> dict[tuple[str, int], float]:
        """Return when the server first got each step."""
        received: dict[tuple[str, int], float] = {}
        for at, content in map(json.loads, self.heard.read_text("utf-8").splitlines()):
            if percent := percent_of(content):
                received.setdefault((prompt_of(content), percent), at)
        return received
