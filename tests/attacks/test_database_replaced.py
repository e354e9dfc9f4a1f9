"""The database is unlinked, moved or replaced under the running stack, while clients submit.

Whatever was answered with OK is there at the end; the rest was told UNAVAILABLE, and health says NOT_SERVING meanwhile.
"""

import asyncio
import json
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from midjourney.v1 import query_pb2, submit_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app.wiring import DATABASE

from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

CLIENTS = 4
OUTCOMES = {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}  # the last: queues
STATUS = health_pb2.HealthCheckResponse


@dataclass
class Submitters:
    """Clients that submit one Task after the other; what they were told."""

    tasks: Any  # MidjourneyServiceStub
    answered: set[str] = field(default_factory=set)  # ids of what was answered with OK
    codes: Counter[grpc.StatusCode] = field(default_factory=Counter)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def submit(self) -> grpc.StatusCode:
        """Submit once."""
        try:
            answer = await self.tasks.SubmitImagine(
                submit_pb2.SubmitImagineRequest(prompt="a red fox"), timeout=PATIENCE_SECONDS
            )
            self.answered.add(answer.task.id)
            code = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as err:
            code = err.code()
        async with self.news:
            self.codes[code] += 1
            self.news.notify_all()
        return code

    async def submit_for_ever(self) -> None:
        """Submit until cancelled."""
        while True:
            await self.submit()

    async def told(self, code: grpc.StatusCode, times: int) -> None:
        """Return when an answer has come so many times more than by now."""
        until = self.codes[code] + times
        async with asyncio.timeout(PATIENCE_SECONDS), self.news:
            await self.news.wait_for(lambda: self.codes[code] >= until)


@asynccontextmanager
async def submitting(stack: StackProcess) -> AsyncIterator[Submitters]:
    """Let several clients submit while the context is open."""
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        submitters = Submitters(MidjourneyServiceStub(channel))
        running = [asyncio.create_task(submitters.submit_for_ever(), name="client") for _ in range(CLIENTS)]
        try:
            yield submitters
        finally:
            for task in running:
                task.cancel()
            ends = await asyncio.gather(*running, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


async def health(stack: StackProcess) -> AsyncIterator[int]:
    """Yield the server's health, now and at each change."""
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        request = health_pb2.HealthCheckRequest()
        health_of: Any = health_pb2_grpc.HealthStub(channel)
        async for answer in health_of.Watch(request, timeout=PATIENCE_SECONDS):
            yield answer.status


async def said(states: AsyncIterator[int], wanted: int) -> None:
    """Return when the health is as wanted."""
    async for state in states:
        if state == wanted:
            return


async def envoy_says(stack: StackProcess, wanted: int) -> None:
    """Return when GET /health answers with this status; Envoy asks the server every few seconds."""
    async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession(stack.rest) as http:
        while True:
            async with http.get("/health") as answer:
                if answer.status == wanted:
                    return


async def missing(stack: StackProcess, ids: set[str]) -> set[str]:
    """Return those that the server does not have."""
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        tasks: Any = MidjourneyServiceStub(channel)
        gone = set()
        for task_id in ids:
            call = tasks.GetTask(query_pb2.GetTaskRequest(task_id=task_id), timeout=PATIENCE_SECONDS)
            if await call.code() is not grpc.StatusCode.OK:
                gone.add(task_id)
        return gone


async def serves_again(stack: StackProcess) -> None:
    """Return when a submit is taken; the queues may be full before."""
    async with submitting(stack) as clients:
        await clients.told(grpc.StatusCode.OK, CLIENTS)


def copy(source: str, target: Path) -> None:
    """Copy a file as an operator would."""
    subprocess.run((shutil.which("cp") or "cp", source, target), check=True)


async def criticals(data_dir: Path) -> list[dict[str, Any]]:
    """Read the server's log for what it calls critical, once there is some: it may come after the answers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            text = (data_dir / "logs" / "server.log").read_text()
            whole = text[: text.rfind("\n") + 1].splitlines()
            events = [json.loads(line) for line in whole if line.startswith("{")]
            if found := [event for event in events if event["level"] == "critical"]:
                return found
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("file", [DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}.lock"])
async def test_what_is_moved_away_and_back_costs_no_task_that_was_answered(tmp_path, file):
    path, elsewhere = tmp_path / file, tmp_path / "elsewhere"
    with running_stack(tmp_path) as stack:
        states = health(stack)
        await said(states, STATUS.SERVING)
        async with submitting(stack) as clients:
            await clients.told(grpc.StatusCode.OK, 3)
            path.rename(elsewhere)

            await clients.told(grpc.StatusCode.UNAVAILABLE, CLIENTS)  # one of each may have been on its way
            await said(states, STATUS.NOT_SERVING)
            answered = len(clients.answered)
            await clients.told(grpc.StatusCode.UNAVAILABLE, 3 * CLIENTS)
            assert len(clients.answered) == answered
            await envoy_says(stack, 503)

            elsewhere.rename(path)
            await said(states, STATUS.SERVING)
        await envoy_says(stack, 200)
        await serves_again(stack)
        assert set(clients.codes) <= OUTCOMES
        assert len(await criticals(tmp_path)) == 1
        # What lies in memory alone would be missing after this.
        stack.end(signal.SIGKILL)

    with running_stack(tmp_path) as stack:
        assert await missing(stack, clients.answered) == set()


async def test_what_was_answered_before_the_database_was_unlinked_can_be_copied(tmp_path):
    with running_stack(tmp_path) as stack:
        async with submitting(stack) as clients:
            await clients.told(grpc.StatusCode.OK, 3)
            (tmp_path / DATABASE).unlink()
            await clients.told(grpc.StatusCode.UNAVAILABLE, CLIENTS)
        [line] = await criticals(tmp_path)
        copy(line["stored_in"], tmp_path / "copy")
        stack.end()

    (tmp_path / "copy").rename(tmp_path / DATABASE)
    with running_stack(tmp_path) as stack:
        assert await missing(stack, clients.answered) == set()


async def test_a_database_that_is_put_in_its_place_is_not_written(tmp_path):
    """An operator restores a backup under the running server; it is there as it was when the server has ended."""
    backup = tmp_path / "backup"
    with running_stack(tmp_path) as stack:
        async with submitting(stack) as clients:
            await clients.told(grpc.StatusCode.OK, 3)
        stack.end()
    shutil.copyfile(tmp_path / DATABASE, backup)
    content = backup.read_bytes()

    with running_stack(tmp_path) as stack:
        async with submitting(stack) as later:
            await later.told(grpc.StatusCode.OK, 3)
            backup.rename(tmp_path / DATABASE)
            await later.told(grpc.StatusCode.UNAVAILABLE, CLIENTS)
        stack.end()

    assert (tmp_path / DATABASE).read_bytes() == content
    with running_stack(tmp_path) as stack:
        assert await missing(stack, clients.answered) == set()
