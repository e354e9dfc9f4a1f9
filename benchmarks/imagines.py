"""Whole imagines by CPU-second of the server, against the bare parts that make the same ones, each a process."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

import grpc
from midjourney.v1 import query_pb2, submit_pb2, task_pb2

from benchmarks.adapter import IMAGINE
from benchmarks.bare_pictures import KEEP
from benchmarks.bare_store import COMMIT, SUBMIT
from benchmarks.fanout import CONNECTIONS, Watcher, bare_round, own_channel, raw_watch
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import Accounts, BareServer, Bench, Server
from benchmarks.wal import LogMeter

SPEED = 100
SLOTS = 12
IMAGINES = 100  # in a round
OURS, BARES = 1, 2  # accounts
ADAPTER = "adapter"
KB = 1000


async def run(scale: Scale) -> list[Figure]:
    """Submit, Interaction, events, store, a watch and a kept picture each, against the parts that do one of these."""
    name = "whole imagines by CPU-second of the server"
    against = "the discord.py-self adapter alone, same Interactions and events"
    adapter = Figure(name, "1/s", Target(0.3), against)
    against = "adapter, two commits, a call, a stream's messages and a picture fetched and kept, each bare, together"
    parts = Figure(name, "1/s", Target(0.5), against)
    log = Figure("bytes written to the database's log for each imagine", "kB", Target(120, at_most=True))
    count = scale.count(IMAGINES)
    async with Bench() as bench, AsyncExitStack() as stack:
        simulator, _ = await bench.simulator(speed=SPEED, accounts=2)
        await bench.steer(simulator, "options", slots=SLOTS)
        ours = await bench.server(simulator, Accounts(slots=SLOTS))
        bare = await Parts.begin(bench, simulator, ours, stack)
        for number in range(scale.rounds):
            by_parts = await bare.imagine(count, f"bare round {number}")
            async with LogMeter(ours.database) as logged:
                with CpuMeter({"server": ours.pid}) as by_ours:
                    await our_imagines(ours, count, f"round {number}")
            rate = count / by_ours.used["server"]
            adapter.add(rate, count / by_parts[ADAPTER], by_ours.used | {ADAPTER: by_parts[ADAPTER]})
            parts.add(rate, count / sum(by_parts.values()), by_ours.used | by_parts)
            log.add(logged.written / count / KB)
    return [adapter, parts, log]


async def our_imagines(server: Server, count: int, prompt: str) -> None:
    """Submit all at once, and watch each to its end."""

    async def one(number: int) -> None:
        ended = await server.ended((await server.imagine(f"{prompt} {number}")).id)
        if ended.state != task_pb2.Task.STATE_SUCCEEDED:
            raise RuntimeError(f"an imagine failed: {ended.failure}")

    await asyncio.gather(*(one(number) for number in range(count)))


@dataclass(frozen=True)
class Parts:
    """The indispensable components, each as bare as possible and in a process of its own."""

    adapter: BareServer
    store: BareServer
    calls: BareServer
    streams: BareServer
    pictures: BareServer
    channels: list[grpc.aio.Channel]  # to the streams
    watched: Watcher  # of one of our imagines
    picture: str  # of that imagine, at the simulator

    @classmethod
    async def begin(cls, bench: Bench, simulator: str, ours: Server, stack: AsyncExitStack) -> Self:
        """Start them, and set them up with the data of one of our imagines."""
        submitted = await ours.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt="a red fox in the snow"))
        request = query_pb2.WatchTaskRequest(task_id=submitted.task.id)
        watched = Watcher(raw_watch(ours.channel, request.SerializeToString()))
        await watched.finished
        ended = await ours.ended(submitted.task.id)
        own, copied = bench.directory / "bare.db", ours.database
        streams = await bench.bare()
        calls = await bench.bare()
        await calls.teach(SUBMIT, submitted.SerializeToString())
        return cls(
            adapter=await bench.bare("benchmarks.adapter", simulator, str(BARES)),
            store=await bench.bare("benchmarks.bare_store", str(own), str(copied), ended.id),
            calls=calls,
            streams=streams,
            pictures=await bench.bare("benchmarks.bare_pictures", str(bench.directory / "bare pictures")),
            channels=[await stack.enter_async_context(own_channel(streams.address)) for _ in range(CONNECTIONS)],
            watched=watched,
            picture=ended.image.url,
        )

    async def imagine(self, count: int, prompt: str) -> dict[str, float]:
        """Have each component do its work for `count` imagines; return the CPU-seconds that each used."""
        work = {
            ADAPTER: (self.adapter, self.adapter.call(IMAGINE, f"{SLOTS} {count} {prompt}".encode())),
            "commits": (self.store, self.store.call(COMMIT, b"%d" % count)),
            "calls": (self.calls, self._call(count)),
            "streams": (self.streams, bare_round(self.streams, self.channels, count, self.watched, prompt.encode())),
            "pictures": (self.pictures, self.pictures.call(KEEP, f"{count} {self.picture}".encode())),
        }
        used: dict[str, float] = {}
        for name, (server, working) in work.items():
            with CpuMeter({name: server.pid}) as cpu:
                await working
            used |= cpu.used
        return used

    async def _call(self, count: int) -> None:
        request = submit_pb2.SubmitImagineRequest(prompt="a red fox in the snow").SerializeToString()
        raw: Any = self.calls.channel.unary_unary(SUBMIT)
        await asyncio.gather(*(raw(request) for _ in range(count)))
