"""One Envoy for the whole suite, and small servicers behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from midjourney.legacy.v1.legacy_service_pb2_grpc import add_LegacyServiceServicer_to_server
from midjourney.v1.midjourney_service_pb2_grpc import add_MidjourneyServiceServicer_to_server

from tests.envoy.servicers import EchoTasks, echo_legacy, echo_tasks
from tests.support.envoy import running_envoy


@dataclass
class Door:
    """Envoy's address, a client for it, and the servicer behind."""

    url: str
    http: aiohttp.ClientSession
    tasks: EchoTasks

    @property
    def grpc_target(self) -> str:
        return self.url.removeprefix("http://")


@asynccontextmanager
async def small_server(tasks: EchoTasks) -> AsyncIterator[int]:
    """Serve the echo servicers and a health service; yield the port."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
    add_LegacyServiceServicer_to_server(echo_legacy(), server)
    add_MidjourneyServiceServicer_to_server(tasks, server)
    healthy = health.aio.HealthServicer()
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Envoy with the echo servicers behind it."""
    tasks = echo_tasks()
    async with (
        small_server(tasks) as port,
        running_envoy(port, tmp_path_factory.mktemp("envoy")) as url,
        aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(30)) as http,
    ):
        yield Door(url, http, tasks)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Envoy as it is before a server that has keys; the servicers behind take any."""
    tasks = echo_tasks()
    tasks.go_on.set()
    async with (
        small_server(tasks) as port,
        running_envoy(port, tmp_path_factory.mktemp("locked"), needs_key=True) as url,
        aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(30)) as http,
    ):
        yield Door(url, http, tasks)
