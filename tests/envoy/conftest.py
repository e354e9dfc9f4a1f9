"""One Envoy for the whole suite, and small servers behind it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from midjourney.legacy.v1.legacy_service_pb2_grpc import add_LegacyServiceServicer_to_server
from midjourney.v1.midjourney_service_pb2_grpc import add_MidjourneyServiceServicer_to_server
from midway.app.ports import ReservedPort

from tests.envoy.backend import EchoBackend, small_backend
from tests.envoy.servicers import EchoTasks, echo_legacy, echo_tasks
from tests.support.envoy import running_envoy


@dataclass
class Door:
    """Envoy's address, a client for it, and what stands behind."""

    url: str
    http: aiohttp.ClientSession
    tasks: EchoTasks
    rest: EchoBackend

    @property
    def grpc_target(self) -> str:
        return self.url.removeprefix("http://")


@dataclass
class Forsaken:
    """An Envoy whose servers have gone."""

    http: aiohttp.ClientSession
    backend_port: ReservedPort  # refuses until a backend comes


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


@asynccontextmanager
async def small_door(directory: Path, **door: Any) -> AsyncIterator[Door]:
    """Run an Envoy of its own with the small servers behind it; `door` holds further fields of `RestDoor`."""
    tasks = echo_tasks()
    async with (
        small_server(tasks) as port,
        small_backend(directory) as rest,
        running_envoy(port, directory, rest_backend_port=rest.port, **door) as url,
        client(url) as http,
    ):
        yield Door(url, http, tasks, rest)


def client(url: str) -> aiohttp.ClientSession:
    """Make a client that gives up when something hangs."""
    return aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(90))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Envoy with the small servers behind it."""
    async with small_door(tmp_path_factory.mktemp("envoy")) as door:
        yield door


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Envoy as it is before a server that has keys; the servers behind take any."""
    async with small_door(tmp_path_factory.mktemp("locked"), needs_key=True) as door:
        door.rest.go_on.set()
        yield door


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def forsaken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Forsaken]:
    """Envoy after its server has gone; whoever calls finds the connection refused."""
    with ReservedPort("127.0.0.1", 0) as backend_port:
        async with AsyncExitStack() as server, AsyncExitStack() as envoy:
            port = await server.enter_async_context(small_server(echo_tasks()))
            running = running_envoy(port, tmp_path_factory.mktemp("forsaken"), rest_backend_port=backend_port.number)
            url = await envoy.enter_async_context(running)
            await server.aclose()
            yield Forsaken(await envoy.enter_async_context(client(url)), backend_port)
