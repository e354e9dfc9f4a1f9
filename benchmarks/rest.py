"""The old API's reads through Envoy against Envoy before a bare HTTP server that has the same answer ready.

Also the CPU time that Envoy uses for polls, compared with the server's.
"""

from collections.abc import Awaitable, Callable

import aiohttp
from midjourney.v1 import task_pb2

from benchmarks.calls import SLOWEST
from benchmarks.measure import Figure, Scale, Target, per_second
from benchmarks.process import CpuMeter
from benchmarks.stack import BareServer, Bench

AT_ONCE = 32
SECONDS = 2.0
IDS = 20  # asked for at once
LIST = "/mj/task/list-by-condition"
POLLS = ("/mj/task/{id}/fetch", "/v1/tasks/{id}")
BARE = "Envoy before bare aiohttp, same answer, same kind of loop"
Ask = Callable[[aiohttp.ClientSession], Awaitable[bytes]]


async def run(scale: Scale) -> list[Figure]:
    """Measure fetch and list-by-condition, each side behind an Envoy of its own."""
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        ours = await bench.server(simulator)
        bare = await bench.bare("benchmarks.bare_http", str(bench.directory))
        tasks = [await ours.imagine(f"a red fox in the snow, number {number}") for number in range(IDS)]
        (our_url, our_envoy), (bare_url, bare_envoy) = await bench.envoy(ours), await bench.envoy(bare)
        shares = [Figure(f"CPU of Envoy for {poll}", "ms", None, "the server's CPU for the same") for poll in POLLS]
        fetch = Figure(f"legacy fetch through Envoy, {AT_ONCE} in flight", "1/s", Target(0.75), BARE)
        listed = Figure(f"list-by-condition ({IDS} ids) through Envoy, {AT_ONCE} in flight", "1/s", Target(0.5), BARE)
        async with aiohttp.ClientSession(our_url) as our_http, aiohttp.ClientSession(bare_url) as bare_http:
            await teach(bare, fetch_path(tasks[0]), await fetching(tasks[0])(our_http))
            await teach(bare, LIST, await listing(tasks)(our_http))
            for _ in range(scale.rounds):
                for figure, ask in ((fetch, fetching(tasks[0])), (listed, listing(tasks))):
                    with CpuMeter({"bare server": bare.pid, "bare's Envoy": bare_envoy}) as by_bare:
                        bare_rate = await rate(scale, ask, bare_http)
                    with CpuMeter({"server": ours.pid, "Envoy": our_envoy}) as by_ours:
                        our_rate = await rate(scale, ask, our_http)
                    figure.add(our_rate, bare_rate, by_ours.used | by_bare.used)
                for figure, path in zip(shares, POLLS, strict=True):
                    with CpuMeter({"server": ours.pid, "Envoy": our_envoy}) as cpu:
                        polled = await polls(scale, getting(path.format(id=tasks[0].id)), our_http)
                    by_envoy, by_server = (cpu.used[name] / polled * 1000 for name in ("Envoy", "server"))
                    figure.add(by_envoy, by_server, cpu.used)
        return [fetch, listed, *shares]


async def teach(bare: BareServer, path: str, answer: bytes) -> None:
    """Set the bare server's answer to ours; directly, since Envoy has no route for the PUT."""
    async with aiohttp.ClientSession(f"http://{bare.rest_backend}") as http:
        await http.put(path, data=answer, raise_for_status=True)


def fetch_path(task: task_pb2.Task) -> str:
    """Where one Task is read."""
    return POLLS[0].format(id=task.id)


def fetching(task: task_pb2.Task) -> Ask:
    """Ask for one Task."""
    return getting(fetch_path(task))


def getting(path: str) -> Ask:
    """Ask for what stands there."""

    async def ask(http: aiohttp.ClientSession) -> bytes:
        async with http.get(path, raise_for_status=True) as answer:
            return await answer.read()

    return ask


def listing(tasks: list[task_pb2.Task]) -> Ask:
    """Ask for many."""
    body = {"ids": [task.id for task in tasks]}

    async def ask(http: aiohttp.ClientSession) -> bytes:
        async with http.post(LIST, json=body, raise_for_status=True) as answer:
            return await answer.read()

    return ask


async def polls(scale: Scale, ask: Ask, http: aiohttp.ClientSession) -> int:
    """Ask for a round's time; return how often."""
    made = 0

    async def call(_: int) -> None:
        nonlocal made
        await ask(http)
        made += 1

    await per_second(call, scale.seconds(SECONDS), at_once=AT_ONCE)
    return made


async def rate(scale: Scale, ask: Ask, http: aiohttp.ClientSession) -> float:
    """Ask for a round's time."""
    return await per_second(lambda _: ask(http), scale.seconds(SECONDS), at_once=AT_ONCE)
