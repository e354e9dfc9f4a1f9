"""The old REST API through Envoy against Envoy before a bare server that has the same answer ready."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from google.protobuf import struct_pb2
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceStub
from midjourney.v1 import task_pb2

from benchmarks.calls import SLOWEST
from benchmarks.measure import Figure, Scale, Target, per_second
from benchmarks.process import CpuMeter
from benchmarks.stack import BareServer, Bench, Server

AT_ONCE = 32
SECONDS = 2.0
IDS = 20  # asked for at once
SERVICE = "/midjourney.legacy.v1.LegacyService/"
BARE = "Envoy before the bare call, same answer"
Ask = Callable[[aiohttp.ClientSession], Awaitable[None]]


async def run(scale: Scale) -> list[Figure]:
    """Measure fetch and list-by-condition, each side behind an Envoy of its own."""
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        ours, bare = await bench.server(simulator), await bench.bare()
        tasks = [await ours.imagine(f"a red fox in the snow, number {number}") for number in range(IDS)]
        await teach(ours, bare, tasks)
        (our_url, our_envoy), (bare_url, bare_envoy) = await bench.envoy(ours.address), await bench.envoy(bare.address)
        fetch = Figure(f"legacy fetch through Envoy, {AT_ONCE} in flight", "1/s", Target(0.75), BARE)
        listed = Figure(f"list-by-condition ({IDS} ids) through Envoy, {AT_ONCE} in flight", "1/s", Target(0.5), BARE)
        async with aiohttp.ClientSession(our_url) as our_http, aiohttp.ClientSession(bare_url) as bare_http:
            for _ in range(scale.rounds):
                for figure, ask in ((fetch, fetching(tasks[0])), (listed, listing(tasks))):
                    with CpuMeter({"bare server": bare.pid, "bare's Envoy": bare_envoy}) as by_bare:
                        bare_rate = await rate(scale, ask, bare_http)
                    with CpuMeter({"server": ours.pid, "Envoy": our_envoy}) as by_ours:
                        our_rate = await rate(scale, ask, our_http)
                    figure.add(our_rate, bare_rate, by_ours.used | by_bare.used)
        return [fetch, listed]


async def teach(ours: Server, bare: BareServer, tasks: list[task_pb2.Task]) -> None:
    """Let the bare server answer what ours answers."""
    legacy = LegacyServiceStub(ours.channel)
    fetched, listed = await asyncio.gather(
        legacy.GetTask(legacy_request_pb2.GetTaskRequest(id=tasks[0].id)),
        legacy.ListTasksByCondition(
            legacy_request_pb2.ListTasksByConditionRequest(
                ids=[struct_pb2.Value(string_value=task.id) for task in tasks]
            )
        ),
    )
    await bare.teach(SERVICE + "GetTask", fetched.SerializeToString())
    await bare.teach(SERVICE + "ListTasksByCondition", listed.SerializeToString())


def fetching(task: task_pb2.Task) -> Ask:
    """Ask for one Task."""

    async def ask(http: aiohttp.ClientSession) -> None:
        async with http.get(f"/mj/task/{task.id}/fetch", raise_for_status=True) as answer:
            await answer.read()

    return ask


def listing(tasks: list[task_pb2.Task]) -> Ask:
    """Ask for many."""
    body = {"ids": [task.id for task in tasks]}

    async def ask(http: aiohttp.ClientSession) -> None:
        async with http.post("/mj/task/list-by-condition", json=body, raise_for_status=True) as answer:
            await answer.read()

    return ask


async def rate(scale: Scale, ask: Ask, http: aiohttp.ClientSession) -> float:
    """Ask for a round's time."""
    return await per_second(lambda _: ask(http), scale.seconds(SECONDS), at_once=AT_ONCE)
