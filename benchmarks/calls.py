"""A submit against a call that does nothing, on the same server; REST through Envoy against gRPC direct."""

from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc
from midjourney.v1 import query_pb2

from benchmarks.measure import Comparison, Scale, per_second
from benchmarks.stack import Bench, bench

SLOWEST = 0.01  # of Midjourney's speed: the jobs only wait, so that the calls alone are measured
ACCOUNTS = 10  # their queues take every Task of a run
AT_ONCE = 32


async def run(scale: Scale) -> list[Comparison]:
    """Measure all of it on one stack."""
    async with bench(speed=SLOWEST, accounts=ACCOUNTS) as running:
        return [*await submit_against_nothing(running, scale), *await rest_against_grpc(running, scale)]


async def submit_against_nothing(running: Bench, scale: Scale) -> list[Comparison]:
    """Compare SubmitImagine with the health check of the same server."""
    health: Any = health_pb2_grpc.HealthStub(running.channel)  # comes without types
    found = []
    for at_once in (1, AT_ONCE):
        comparison = Comparison(f"rpc: SubmitImagine, {at_once} at a time", "empty unary RPC, same server", "1/s")
        for _ in range(scale.rounds):
            bare = await per_second(
                lambda _: health.Check(health_pb2.HealthCheckRequest()), scale.count(500), at_once=at_once
            )
            ours = await per_second(lambda number: running.imagine(f"fox {number}"), scale.count(500), at_once=at_once)
            comparison.add(ours=ours, bare=bare)
        found.append(comparison)
    return found


async def rest_against_grpc(running: Bench, scale: Scale) -> list[Comparison]:
    """Compare fetch over the old REST API with GetTask, of one Task."""
    task = await running.imagine("a fox to be read")

    async def fetch(_: int) -> None:
        async with running.http.get(f"/mj/task/{task.id}/fetch") as answer:
            await answer.read()

    async def get(_: int) -> None:
        await running.tasks.GetTask(query_pb2.GetTaskRequest(task_id=task.id))

    found = []
    for at_once in (1, AT_ONCE):
        comparison = Comparison(f"rest: fetch through Envoy, {at_once} at a time", "gRPC GetTask, direct", "1/s")
        for _ in range(scale.rounds):
            bare = await per_second(get, scale.count(1000), at_once=at_once)
            comparison.add(bare=bare, ours=await per_second(fetch, scale.count(1000), at_once=at_once))
        found.append(comparison)
    return found
