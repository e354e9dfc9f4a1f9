"""Latency from Discord's event to the watcher, a thousand Tasks running, against a bare relay of the same events."""

import asyncio
import json
import statistics
import time
from datetime import datetime

from midjourney.v1 import query_pb2

from benchmarks.fanout import raw_watch
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.relay import percent_of, prompt_of
from benchmarks.stack import Accounts, BareServer, Bench, Server

TASKS = 1000
ACCOUNTS = 10
SLOW = "__slow"  # in a prompt: the job takes ten times as long, here 200 to 600 s, so that all run through all rounds
SPEED = 1.0  # of Midjourney's: a thousand grids then show some twenty steps a second, as fewer do when each is faster
FASTEST = 20.0  # of Midjourney's; a job then lasts longer than the smallest round
SECONDS = 20.0  # of a round
Seen = dict[tuple[str, int], float]  # when a watcher got a prompt's percent


async def run(scale: Scale) -> list[Figure]:
    """Measure the 99th percentile; both sides hear of the same events at the same time."""
    tasks = scale.count(TASKS)
    name = f"Discord event → watcher, p99, {tasks} Tasks running"
    figure = Figure(name, "ms", Target(3, at_most=True), "a bare WebSocket loop and stream, same events")
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=100, accounts=ACCOUNTS)
        await bench.steer(simulator, "options", slots=TASKS)
        ours = await bench.server(simulator, Accounts(ACCOUNTS, slots=TASKS))
        bare = await bench.bare("benchmarks.relay", simulator, str(ACCOUNTS))
        watch = Watching()
        await bench.steer(simulator, "clock", speed=min(SPEED * TASKS / tasks, FASTEST))
        async with asyncio.TaskGroup() as group:
            watchers = [await watch.begin(group, ours, bare, f"fox number {number} {SLOW}") for number in range(tasks)]
            await watch.everything_runs(tasks)
            for _ in range(scale.rounds):
                watch.forget()
                with CpuMeter({"server": ours.pid, "relay": bare.pid}) as cpu:
                    await asyncio.sleep(scale.seconds(SECONDS) + 1)
                    await watch.something_came()
                our_delays, bare_delays = watch.delays()
                figure.add(percentile(our_delays), percentile(bare_delays), cpu.used)
            for watcher in watchers:
                watcher.cancel()
    return [figure]


class Watching:
    """Watches each Task on both sides, and notes when each step came."""

    def __init__(self) -> None:
        self._ours: Seen = {}
        self._bare: Seen = {}
        self._sent: Seen = {}
        self._running: set[str] = set()

    async def begin(self, group: asyncio.TaskGroup, ours: Server, bare: BareServer, prompt: str) -> asyncio.Task[None]:
        """Submit an imagine and watch it on both sides."""
        task = await ours.imagine(prompt)
        return group.create_task(self._watch(ours, bare, task.id, prompt), name=prompt)

    async def everything_runs(self, count: int) -> None:
        """Return when `count` Tasks have made progress."""
        while len(self._running) < count:  # noqa: ASYNC110 - takes seconds, and is not measured
            await asyncio.sleep(0.1)

    async def something_came(self) -> None:
        """Return when both sides have shown a step of this round."""
        while not self._ours.keys() & self._bare.keys():  # noqa: ASYNC110 - waits in the smallest rounds only
            await asyncio.sleep(0.1)

    def forget(self) -> None:
        """Discard what was recorded, for a new round."""
        for seen in (self._ours, self._bare, self._sent):
            seen.clear()

    def delays(self) -> tuple[list[float], list[float]]:
        """Return both sides' delays, in ms, of the steps that both have seen."""
        both = self._ours.keys() & self._bare.keys()
        ours, bare = ([(seen[key] - self._sent[key]) * 1000 for key in both] for seen in (self._ours, self._bare))
        return ours, bare

    async def _watch(self, ours: Server, bare: BareServer, task_id: str, prompt: str) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_ours(ours, task_id, prompt))
            group.create_task(self._watch_bare(bare, prompt))

    async def _watch_ours(self, ours: Server, task_id: str, prompt: str) -> None:
        async for update in ours.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
            if update.task.progress_percent:
                self._ours.setdefault((prompt, update.task.progress_percent), time.time())
                self._running.add(prompt)

    async def _watch_bare(self, bare: BareServer, prompt: str) -> None:
        async for message in raw_watch(bare.channel, prompt.encode()):
            now, payload = time.time(), json.loads(message)
            content = payload["content"]
            percent = percent_of(content)
            if prompt_of(content) == prompt and percent:
                key = prompt, percent
                self._bare.setdefault(key, now)
                edited = payload["edited_timestamp"] or payload["timestamp"]
                self._sent.setdefault(key, datetime.fromisoformat(edited).timestamp())


def percentile(delays: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(delays, n=100)[98] if len(delays) > 1 else max(delays, default=0.0)
