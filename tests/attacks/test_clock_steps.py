"""The wall clock of the machine is set while the server runs, or while it is down: nobody is hurt by that.

The real server process over gRPC, and a receiver of webhooks; its clock is set by a file (`tests.support.set_clock`).
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from midjourney.v1 import input_pb2, query_pb2, submit_pb2, task_pb2, webhook_service_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midjourney.v1.webhook_service_pb2_grpc import WebhookServiceStub

from tests.faults.seeded.receiver import Receiver
from tests.faults.seeded.server import Server, running_simulator
from tests.support.processes import PATIENCE_SECONDS

STEPS = pytest.mark.parametrize("step", [timedelta(hours=-2), timedelta(days=3)], ids=["back", "forward"])
NEAR = timedelta(minutes=10)  # to a moment; less than any step here
PATIENT = {
    f"MIDWAY_{name}_SECONDS": "3600"
    for name in ("QUEUE_TIMEOUT", "IDLE_TIMEOUT", "TOTAL_TIMEOUT", "ACK_TIMEOUT", "OFFLINE_PATIENCE")
}


class UntilTold:
    """Spoils every POST until `is_over`."""

    def __init__(self) -> None:
        self.is_over = False

    def __contains__(self, _: object) -> bool:
        return not self.is_over


@dataclass
class Place:
    """The server, its clock, and who listens."""

    server: Server
    clock: Path
    receiver: Receiver
    spoiling: UntilTold

    def set_clock(self, step: timedelta) -> None:
        """Set the server's wall clock, in one piece."""
        part = self.clock.with_suffix(".part")
        part.write_text(str(step.total_seconds()))
        part.replace(self.clock)

    async def imagine(self, prompt: str) -> task_pb2.Task:
        """Submit an imagine; its notices go to the receiver."""
        options = input_pb2.SubmitOptions(notify_url=self.receiver.url)
        stub = MidjourneyServiceStub(await self.server.channel())
        return (await stub.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt=prompt, options=options))).task

    async def three_running_and_three_waiting(self) -> tuple[list[task_pb2.Task], list[task_pb2.Task]]:
        """Submit Tasks that Midjourney never ends, and others that wait for their slots."""
        hung = [await self.imagine(f"fox number {number} __hang") for number in range(3)]
        for task in hung:
            await self.until(task, task_pb2.Task.STATE_SUBMITTED)
        return hung, [await self.imagine(f"cat number {number}") for number in range(3)]

    async def cancel(self, tasks: Sequence[task_pb2.Task]) -> None:
        """Cancel Tasks; from now on the receiver takes what it is told."""
        self.spoiling.is_over = True
        stub = MidjourneyServiceStub(await self.server.channel())
        for task in tasks:
            await stub.CancelTask(query_pb2.CancelTaskRequest(task_id=task.id))

    async def until(self, task: task_pb2.Task, *states: int) -> task_pb2.Task:
        """Follow a Task until it is in one of these states, which must come."""
        stub = MidjourneyServiceStub(await self.server.channel())
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for update in stub.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id)):
                if update.task.state in states:
                    return update.task
        raise AssertionError("it ended otherwise")

    async def succeeded(self, tasks: Sequence[task_pb2.Task]) -> list[task_pb2.Task]:
        """Follow Tasks to their end, which must be a good one."""
        return [await self.until(task, task_pb2.Task.STATE_SUCCEEDED) for task in tasks]

    async def told_by_the_new_clock(self, task: task_pb2.Task, step: timedelta) -> task_pb2.Task:
        """Return a Task that waits once its times are told by the clock as it was set."""
        stub = MidjourneyServiceStub(await self.server.channel())
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for update in stub.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id)):
                if abs(created(update.task) - created(task) - step) < NEAR:
                    return update.task
        raise AssertionError("it ended meanwhile")

    async def told_the_end_of(self, tasks: Sequence[task_pb2.Task]) -> None:
        """Return when the receiver took the end of each, with nothing given up."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.receiver.told_the_end_of({task.id for task in tasks})
        stub = WebhookServiceStub(await self.server.channel())
        given_up = await stub.ListDeadLetters(webhook_service_pb2.ListDeadLettersRequest())
        assert not given_up.dead_letters


async def control(simulator: str, what: str, **body: object) -> None:
    """Steer the simulator."""
    async with aiohttp.ClientSession() as http, http.post(f"{simulator}/__sim/{what}", json=body) as answer:
        assert answer.status == 200, await answer.text()


def created(task: task_pb2.Task) -> datetime:
    return task.create_time.ToDatetime(UTC)


@asynccontextmanager
async def running(directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """Run the server on a clock of its own, with a simulator and a receiver that takes nothing yet."""
    clock, spoiling = directory / "clock", UntilTold()
    clock.write_text("0")
    monkeypatch.setattr("tests.faults.seeded.server.SERVER", (sys.executable, "-m", "tests.support.set_clock"))
    async with (
        running_simulator(directory / "simulator.log", speed=100, accounts=1, seed=13) as simulator,
        Receiver(spoiling) as receiver,
    ):
        await control(simulator, "options", slots=12)  # what hangs there shall hold up nobody
        settings = {
            "MIDWAY_SIMULATOR_URL": simulator,
            "MIDWAY_SIMULATOR_ACCOUNTS": "1",
            "MIDWAY_DATA_DIR": str(directory / "data"),
            "MIDWAY_WEBHOOK_ALLOW_HOSTS": receiver.host,
            "SET_CLOCK": str(clock),
        }
        async with Server(directory, PATIENT | settings, iter(())) as server:
            yield Place(server, clock, receiver, spoiling)


@STEPS
async def test_the_clock_is_set_and_everything_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    """Tasks that wait, the next Task, webhooks that were not taken: back they hung, forward they died."""
    async with running(tmp_path, monkeypatch) as place:
        hung, waiting = await place.three_running_and_three_waiting()
        place.set_clock(step)
        at_once = await place.imagine("a green owl")
        for task in (*hung, *waiting):
            await place.told_by_the_new_clock(task, step)
        tasks = [*waiting, at_once, await place.imagine("a white bear")]
        await place.cancel(hung)
        for ended in await place.succeeded(tasks):
            assert abs(created(ended) - datetime.now(UTC) - step) < NEAR

        await place.told_the_end_of([*hung, *tasks])
    assert "the machine's clock was set" in (tmp_path / "server.log").read_text()


@STEPS
async def test_the_clock_is_set_while_the_server_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    """A queue of an hour's patience, and three days that never were."""
    async with running(tmp_path, monkeypatch) as place:
        hung, waiting = await place.three_running_and_three_waiting()
        starts = place.server.starts
        place.server.kill()
        place.set_clock(step)
        await place.server.restarted(starts)
        for task in (*hung, *waiting):
            await place.told_by_the_new_clock(task, step)
        tasks = [*waiting, await place.imagine("a white bear")]
        await place.cancel(hung)
        for ended in await place.succeeded(tasks):
            assert abs(created(ended) - datetime.now(UTC) - step) < NEAR

        await place.told_the_end_of([*hung, *tasks])
