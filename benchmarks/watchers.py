"""Twenty thousand idle watchers: refusals, memory of each, and latency, compared with a thousand."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from midjourney.v1 import query_pb2

from benchmarks.calls import SLOWEST
from benchmarks.fanout import own_channel, raw_watch
from benchmarks.measure import Figure, Scale, Target
from benchmarks.memory import KB
from benchmarks.simulator import percentile
from benchmarks.stack import Accounts, Bench, Server

MANY, FEW = 20_000, 1000
CONNECTIONS = 20
TASKS = 600
CHANGES = 100  # Tasks of these that change, one after the other
WAVE = 200  # watches that are opened at once
PATIENCE_SECONDS = 120.0
SETTINGS = {"MIDWAY_MAX_CONCURRENT_CALLS": "50000"}  # of which one caller has the half


async def run(scale: Scale) -> list[Figure]:
    """Measure a thousand, then all; they stay long enough, so one round tells."""
    many, few, tasks = scale.count(MANY), scale.count(FEW), scale.count(TASKS)
    crowd = f"{many} idle watchers on {tasks} Tasks"
    away = Figure(f"watches that were refused or broke, {crowd}", "", Target(0, at_most=True))
    memory = Figure(f"memory for each, {crowd}", "kB", Target(30, at_most=True))
    delay = Figure(
        f"change → its own watchers, p99, {crowd}", "ms", Target(3, at_most=True), f"the same, {few} watchers"
    )
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        server = await bench.server(simulator, Accounts(slots=1), settings=SETTINGS)
        await server.imagine("a red fox that holds the slot, so that the others wait")
        before = server.memory
        async with watching(server, few, tasks) as crowd_of_few:
            quiet = await crowd_of_few.delays(scale.count(CHANGES))
        async with watching(server, many, tasks) as crowd_of_many:
            memory.add((server.memory - before) / many / KB)
            busy = await crowd_of_many.delays(scale.count(CHANGES))
            away.add(crowd_of_many.away)
        delay.add(percentile(busy) * 1000, percentile(quiet) * 1000)
    return [away, memory, delay]


class Listener:
    """Reads one watch to its end."""

    def __init__(self, call: Any) -> None:
        self.heard = 0.0  # when the last message came
        self.is_open = False
        self.ended = asyncio.create_task(self._read(call), name="listener")
        self._first = asyncio.Event()

    async def opened(self) -> None:
        """Return when the first message has come, or none will."""
        await self._first.wait()

    async def _read(self, call: Any) -> None:
        try:
            while await call.read() is not grpc.aio.EOF:
                self.heard = time.monotonic()
                self.is_open = True
                self._first.set()
        except grpc.aio.AioRpcError:
            self.is_open = False
        finally:
            self._first.set()


class Crowd:
    """Watches Tasks that wait for a slot."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listeners: dict[str, list[Listener]] = {}  # by Task

    @property
    def away(self) -> int:
        """How many watches were refused, or broke."""
        return sum(not listener.is_open for listeners in self._listeners.values() for listener in listeners)

    async def open(self, channels: list[grpc.aio.Channel], count: int, tasks: int) -> None:
        """Submit so many Tasks and open so many watches, evenly over both."""
        for number in range(tasks):
            self._listeners[(await self._server.imagine(f"a red fox that waits, number {number}")).id] = []
        ids = list(self._listeners)
        for first in range(0, count, WAVE):
            wave = [self._listen(channels, ids, number) for number in range(first, min(first + WAVE, count))]
            await asyncio.gather(*(listener.opened() for listener in wave))

    async def delays(self, changes: int) -> list[float]:
        """Cancel so many Tasks, one after the other; return how long each watcher waited to hear of its own."""
        gc.freeze()  # else garbage collection pauses this process for longer than what is measured
        delays: list[float] = []
        for task_id, listeners in list(self._listeners.items())[:changes]:
            begun = time.monotonic()
            await self._server.tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=task_id))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(listener.ended for listener in listeners))
            delays += [listener.heard - begun for listener in listeners if listener.is_open]
        gc.unfreeze()
        return delays

    def _listen(self, channels: list[grpc.aio.Channel], ids: list[str], number: int) -> Listener:
        task_id = ids[number % len(ids)]
        request = query_pb2.WatchTaskRequest(task_id=task_id).SerializeToString()
        self._listeners[task_id].append(Listener(raw_watch(channels[number % len(channels)], request)))
        return self._listeners[task_id][-1]

    async def leave(self) -> None:
        """Read no further."""
        ended = [listener.ended for listeners in self._listeners.values() for listener in listeners]
        for each in ended:
            each.cancel()
        await asyncio.gather(*ended, return_exceptions=True)


@asynccontextmanager
async def watching(server: Server, count: int, tasks: int) -> AsyncIterator[Crowd]:
    """Have so many watch so many Tasks while the context is open."""
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(own_channel(server.address)) for _ in range(CONNECTIONS)]
        crowd = Crowd(server)
        stack.push_async_callback(crowd.leave)
        await crowd.open(channels, count, tasks)
        yield crowd
