"""How much 200 abusive clients without a key slow down one client with a key, and how much memory they leave behind."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import grpc
from midjourney.v1 import query_pb2, submit_pb2
from midway.app import stack_programs
from midway.app.child_process import Program

from benchmarks.calls import SLOWEST
from benchmarks.delay import percentile
from benchmarks.measure import Figure, Scale, Target
from benchmarks.process import CpuMeter, memory_bytes
from benchmarks.stack import Bench, Server

STRANGERS = 200
KEY = "the-key-of-this-benchmark"
SECRET = "between-envoy-and-the-server"
WARM_SECONDS, QUIET_SECONDS, SECONDS = 10.0, 20.0, 60.0
AFTERWARDS_SECONDS = 60.0  # at most, until the memory is as it was
PACE = 0.05  # seconds between two rounds of the client's calls
PATIENCE = 30.0  # seconds; a call that was not answered by then, or refused, counts as taking so long
MB = 1_000_000
CLIENT = (("authorization", KEY),)
Ask = Callable[[], Awaitable[object]]
REFUSED = (grpc.RpcError, aiohttp.ClientError, OSError, TimeoutError)


async def run(scale: Scale) -> list[Figure]:
    """Measure once: quiet, with the strangers, and afterwards. Rounds would meet a server that has seen them."""
    crowd = f"with {STRANGERS} strangers: wrong keys, held bodies and calls, resets, 404s, 25 MB/s of large bodies"
    names = ("poll over gRPC", "poll over REST", "submit over gRPC")
    quiet = "the same calls while nobody else calls"
    figures = [Figure(f"p99 of a {name}, {crowd}", "ms", Target(10, at_most=True), quiet) for name in names]
    warm = f"before them, when they had served {STRANGERS} clients with a key"
    memory = Figure("memory of server and Envoy after these strangers", "MB", Target(1.2, at_most=True), warm)
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        server = await bench.server(simulator, settings={"MIDWAY_API_KEYS": KEY, "MIDWAY_ENVOY_SECRET": SECRET})
        rest, envoy = await bench.envoy(server, needs_key=True, secret=SECRET)
        async with aiohttp.ClientSession(rest, headers=dict(CLIENT)) as http:
            asks = await calls_of(server, http)
            await served_a_crowd(asks, rest, scale.seconds(WARM_SECONDS))
            before = await delays(asks, scale.seconds(QUIET_SECONDS))
            memory_before = memory_bytes(server.pid) + memory_bytes(envoy)
            strangers = await begin(bench, server.address, rest)
            with CpuMeter({"server": server.pid, "Envoy": envoy, "strangers": strangers}) as cpu:
                during = await delays(asks, scale.seconds(SECONDS))
            await bench.stop(strangers)
        for figure, ours, bare in zip(figures, during, before, strict=True):
            figure.add(percentile(ours) * 1000, percentile(bare) * 1000)
        figures[0].cpu = cpu.used
        after = await settled([server.pid, envoy], memory_before, scale.seconds(AFTERWARDS_SECONDS))
        memory.add(after / MB, memory_before / MB)
    return [*figures, memory]


async def calls_of(server: Server, http: aiohttp.ClientSession) -> list[Ask]:
    """Return what the client does, each once: it polls one Task by both doors, and submits another."""
    first = await server.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt="a red fox"), metadata=CLIENT)
    wanted = query_pb2.GetTaskRequest(task_id=first.task.id)

    async def by_grpc() -> None:
        await server.tasks.GetTask(wanted, metadata=CLIENT, timeout=PATIENCE)

    async def by_rest() -> None:
        async with http.get(f"/mj/task/{first.task.id}/fetch", raise_for_status=True) as answer:
            await answer.read()

    async def submit() -> None:
        request = submit_pb2.SubmitImagineRequest(prompt="a red fox in the snow")
        await server.tasks.SubmitImagine(request, metadata=CLIENT, timeout=PATIENCE)

    return [by_grpc, by_rest, submit]


async def served_a_crowd(asks: list[Ask], rest: str, seconds: float) -> None:
    """Have as many clients with a key as there will be strangers: a process that has just begun has no spare memory."""
    by_grpc, *_ = asks
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(rest, headers=dict(CLIENT), connector=connector) as http:

        async def by_rest() -> None:
            async with http.get("/mj/task/queue", raise_for_status=True) as answer:
                await answer.read()

        await delays([by_rest, by_grpc] * (STRANGERS // 2), seconds)


async def begin(bench: Bench, grpc_address: str, rest: str) -> int:
    """Let the strangers come, in a process of their own; return its id."""
    command = (sys.executable, "-m", "benchmarks.stranger", grpc_address, rest, str(STRANGERS))
    return (await bench.run(Program("strangers", command, stack_programs.READY)))[0].pid


async def delays(asks: list[Ask], seconds: float) -> list[list[float]]:
    """Make the calls again and again for so long, each beside the others; return what each took, in seconds."""
    end = time.monotonic() + seconds

    async def client(ask: Ask) -> list[float]:
        taken = [await timed(ask)]
        while time.monotonic() < end:
            await asyncio.sleep(PACE)
            taken.append(await timed(ask))
        return taken

    return list(await asyncio.gather(*map(client, asks)))


async def timed(ask: Ask) -> float:
    """Return the seconds that a call took; what fails is as bad as no answer."""
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            await ask()
    except REFUSED:
        return PATIENCE
    return time.perf_counter() - begun


async def settled(pids: list[int], wanted: int, within: float) -> int:
    """Wait until the memory is within a tenth of what it was, or no longer than so many seconds; return what it is."""
    end = time.monotonic() + within
    present = sum(map(memory_bytes, pids))
    while present > 1.1 * wanted and time.monotonic() < end:
        await asyncio.sleep(1)  # no event signals that memory was returned
        present = sum(map(memory_bytes, pids))
    return present
