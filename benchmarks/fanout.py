"""One Task sent to a thousand watchers, against bare streams with the same messages."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import grpc
from midjourney.v1 import query_pb2

from benchmarks.bare import UNLIMITED, WATCH
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import BareServer, Bench, Server

WATCHERS = 1000
CONNECTIONS = 10
SPEED = 10  # of Midjourney's: a grid lasts 2 to 6 s and shows some ten steps
BARE = "bare grpc.aio streams of the same messages"


async def run(scale: Scale) -> list[Figure]:
    """Measure messages delivered by each CPU-second of the server."""
    count = scale.count(WATCHERS)
    target = Target(0.6)
    figure = Figure(f"WatchTask to {count} watchers, messages by CPU-second", "1/s", target, BARE)
    async with Bench() as bench, AsyncExitStack() as stack:
        simulator, _ = await bench.simulator(speed=SPEED)
        ours, bare = await bench.server(simulator), await bench.bare()
        our_channels = [await stack.enter_async_context(own_channel(ours.address)) for _ in range(CONNECTIONS)]
        bare_channels = [await stack.enter_async_context(own_channel(bare.address)) for _ in range(CONNECTIONS)]
        for number in range(scale.rounds):
            with CpuMeter({"server": ours.pid}) as by_ours:
                watcher, delivered = await our_round(ours, our_channels, count)
            with CpuMeter({"bare server": bare.pid}) as by_bare:
                bare_delivered = await bare_round(bare, bare_channels, count, watcher, b"%d" % number)
            our_rate = delivered / by_ours.used["server"]
            figure.add(our_rate, bare_delivered / by_bare.used["bare server"], by_ours.used | by_bare.used)
    return [figure]


def own_channel(address: str) -> grpc.aio.Channel:
    """Open a connection of its own; by default grpc would share one."""
    return grpc.aio.insecure_channel(address, options=[*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)])


async def our_round(server: Server, channels: list[grpc.aio.Channel], count: int) -> "tuple[Watcher, int]":
    """Let so many watch one imagine from its first state to its end; return one of them, and how many messages came."""
    task = await server.imagine("a red fox in the snow")
    request = query_pb2.WatchTaskRequest(task_id=task.id).SerializeToString()
    watchers = [Watcher(raw_watch(channels[number % CONNECTIONS], request)) for number in range(count)]
    await asyncio.gather(*(watcher.finished for watcher in watchers))
    return watchers[0], sum(watcher.count for watcher in watchers)


async def bare_round(
    bare: BareServer, channels: list[grpc.aio.Channel], count: int, original: "Watcher", request: bytes
) -> int:
    """Send the same messages to as many streams, with the same pauses: a server that has just slept is slower."""
    watchers = [Watcher(raw_watch(channels[number % CONNECTIONS], request)) for number in range(count)]
    for told, message in enumerate(original.seen, start=1):
        await asyncio.sleep(original.pauses[told - 1])
        await bare.tell(request, message)
        await asyncio.gather(*(watcher.has_seen(told) for watcher in watchers))
    await bare.tell(request, b"")
    await asyncio.gather(*(watcher.finished for watcher in watchers))
    return sum(watcher.count for watcher in watchers)


def raw_watch(channel: grpc.aio.Channel, request: bytes) -> Any:
    """Begin a WatchTask whose messages are not parsed, so that the client uses as little CPU as possible."""
    call: Any = channel.unary_stream(WATCH)  # has no types, as it has no serializers
    return call(request)


class Watcher:
    """Reads a stream to its end, and keeps what came, and how long after the message before it."""

    def __init__(self, call: Any) -> None:
        self.seen: list[bytes] = []
        self.pauses: list[float] = []
        self._last = time.monotonic()
        self._more = asyncio.Event()
        self.finished = asyncio.create_task(self._read(call), name="watcher")

    @property
    def count(self) -> int:
        """How many messages came."""
        return len(self.seen)

    async def has_seen(self, count: int) -> None:
        """Return when so many messages have come."""
        while self.count < count:
            self._more.clear()
            await self._more.wait()

    async def _read(self, call: Any) -> None:
        while (message := await call.read()) is not grpc.aio.EOF:
            now = time.monotonic()
            self.seen.append(message)
            self.pauses.append(now - self._last)
            self._last = now
            self._more.set()
