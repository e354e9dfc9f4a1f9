"""A whole stack in a temporary directory, and clients of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import aiohttp
import grpc
from midjourney.v1 import query_pb2, submit_pb2, task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app.settings import Settings
from midway.app.stack import Stack

if TYPE_CHECKING:
    from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceAsyncStub


@dataclass
class Bench:
    """A running stack."""

    stack: Stack
    channel: grpc.aio.Channel
    http: aiohttp.ClientSession
    tasks: "MidjourneyServiceAsyncStub"

    async def imagine(self, prompt: str) -> task_pb2.Task:
        """Submit an imagine."""
        return (await self.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt=prompt))).task

    async def ended(self, task_id: str) -> None:
        """Watch a Task to its end."""
        async for _ in self.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
            pass

    def server_cpu_seconds(self) -> float:
        """Tell how long the server has computed, over all its threads, as the scheduler counts."""
        threads = Path(f"/proc/{self.stack._parts['server'].pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


@asynccontextmanager
async def bench(*, speed: float, accounts: int) -> AsyncIterator[Bench]:
    """Run a stack with a simulator of this speed."""
    with TemporaryDirectory(prefix="midway-bench-") as directory:
        settings = Settings(
            http_port=0,
            grpc_port=0,
            simulator_port=0,
            metrics_port=0,
            accounts=(),
            data_dir=Path(directory),
            log_level="warning",
            simulator_speed=speed,
            simulator_accounts=accounts,
        )
        async with (
            Stack(settings) as stack,
            grpc.aio.insecure_channel(stack.addresses.grpc) as channel,
            aiohttp.ClientSession(stack.addresses.rest) as http,
        ):
            yield Bench(stack, channel, http, MidjourneyServiceStub(channel))
