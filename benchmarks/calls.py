"""GetTask and SubmitImagine against a bare call with the same answer, 64 in flight; the latter also against one that
is as durable."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from midjourney.v1 import query_pb2, submit_pb2

from benchmarks.bare_store import SUBMIT
from benchmarks.measure import Figure, Scale, Target, per_second
from benchmarks.process import CpuMeter
from benchmarks.stack import BareServer, Bench, Server

AT_ONCE = 64
SECONDS = 2.0  # of each side of a round
TASKS = 100  # that are read in turn, as clients poll what runs
SLOWEST = 0.001  # of Midjourney's speed: jobs make no progress, so that only the calls are measured
GET = "/midjourney.v1.MidjourneyService/GetTask"
BARE = "bare grpc.aio call, answer of the same size, same kind of loop"
DURABLE = "such a call that waits for a bare group commit of the same rows on the same disk"


async def run(scale: Scale) -> list[Figure]:
    """Measure both on one server."""
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SLOWEST)
        ours, bare = await bench.server(simulator), await bench.bare()
        own, copied = str(bench.directory / "bare.db"), (await ours.imagine("a red fox in the snow, number 1")).id
        storing = await bench.bare("benchmarks.bare_store", own, str(ours.database), copied)
        return [
            await get_task(scale, ours, bare),
            await submit_imagine(scale, ours, bare, None, f"{BARE}: mostly a measure of the disk"),
            await submit_imagine(scale, ours, storing, Target(0.6), DURABLE),
        ]


async def get_task(scale: Scale, ours: Server, bare: BareServer) -> Figure:
    """Compare GetTask."""
    figure = Figure(f"GetTask over gRPC, {AT_ONCE} in flight", "1/s", Target(0.75), BARE)
    tasks = [await ours.imagine(f"a red fox in the snow, number {number}") for number in range(scale.count(TASKS))]

    def request(number: int) -> Message:
        return query_pb2.GetTaskRequest(task_id=tasks[number % len(tasks)].id)

    await compare(figure, scale, ours, bare, GET, ours.tasks.GetTask, request)
    return figure


async def submit_imagine(scale: Scale, ours: Server, bare: BareServer, target: Target | None, against: str) -> Figure:
    """Compare SubmitImagine: stored with an fsync before it is answered."""
    figure = Figure(f"SubmitImagine over gRPC, durable, {AT_ONCE} in flight", "1/s", target, against)

    def request(number: int) -> Message:
        return submit_pb2.SubmitImagineRequest(prompt=f"a red fox in the snow, number {number} --ar 3:2")

    await compare(figure, scale, ours, bare, SUBMIT, ours.tasks.SubmitImagine, request)
    return figure


async def compare(
    figure: Figure,
    scale: Scale,
    ours: Server,
    bare: BareServer,
    method: str,
    call: Callable[[Any], Awaitable[Message]],
    request: Callable[[int], Message],
) -> None:
    """Set the bare server's answer to ours, then measure both alternately."""
    await bare.teach(method, (await call(request(0))).SerializeToString())
    bare_call: Any = bare.channel.unary_unary(
        method,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=type(await call(request(0))).FromString,
    )
    for _ in range(scale.rounds):
        with CpuMeter({"bare server": bare.pid}) as by_bare:
            bare_rate = await rate(scale, lambda number: bare_call(request(number)))
        with CpuMeter({"server": ours.pid}) as by_ours:
            our_rate = await rate(scale, lambda number: call(request(number)))
        figure.add(our_rate, bare_rate, by_ours.used | by_bare.used)


async def rate(scale: Scale, call: Callable[[int], Awaitable[object]]) -> float:
    """Call for a round's time."""
    return await per_second(call, scale.seconds(SECONDS), at_once=AT_ONCE)
