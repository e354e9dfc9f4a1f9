"""Whole imagines by CPU-second of the server, against the Discord adapter alone making the same ones."""

import asyncio

from midjourney.v1 import task_pb2

from benchmarks.adapter import IMAGINE
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter
from benchmarks.stack import Accounts, BareServer, Bench, Server

SPEED = 100
SLOTS = 12
IMAGINES = 100  # in a round
OURS, BARES = 1, 2  # accounts


async def run(scale: Scale) -> list[Figure]:
    """Submit, Interaction, events, store and a watch each, against Interaction and events."""
    against = "the discord.py-self adapter alone, same Interactions and events"
    figure = Figure("whole imagines by CPU-second of the server", "1/s", Target(0.5), against)
    count = scale.count(IMAGINES)
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SPEED, accounts=2)
        await bench.steer(simulator, "options", slots=SLOTS)
        ours = await bench.server(simulator, Accounts(slots=SLOTS))
        bare = await bench.bare("benchmarks.adapter", simulator, str(BARES))
        for number in range(scale.rounds):
            with CpuMeter({"adapter": bare.pid}) as by_bare:
                await bare_imagines(bare, count, f"bare round {number}")
            with CpuMeter({"server": ours.pid}) as by_ours:
                await our_imagines(ours, count, f"round {number}")
            figure.add(count / by_ours.used["server"], count / by_bare.used["adapter"], by_ours.used | by_bare.used)
    return [figure]


async def our_imagines(server: Server, count: int, prompt: str) -> None:
    """Submit all at once, and watch each to its end."""

    async def one(number: int) -> None:
        ended = await server.ended((await server.imagine(f"{prompt} {number}")).id)
        if ended.state != task_pb2.Task.STATE_SUCCEEDED:
            raise RuntimeError(f"an imagine failed: {ended.failure}")

    await asyncio.gather(*(one(number) for number in range(count)))


async def bare_imagines(bare: BareServer, count: int, prompt: str) -> None:
    """Have the adapter make as many."""
    await bare.call(IMAGINE, f"{SLOTS} {count} {prompt}".encode())
