"""Whole servers behind real Envoys: simulator, engine, gRPC server, REST door; started when a case first needs one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.legacy.case import KEY
from tests.legacy.world import World
from tests.rpc.served import doors_of
from tests.support.envoy import running_envoy
from tests.support.rig import engine_running, simulator_running

# By name: what is unusual about the simulator, and about the accounts.
SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": ({}, {"max_queued": 100}),
    "full": ({}, {"max_queued": 0}),  # no account takes one more
    "busy": ({"speed": 0.01}, {"slots": 1, "accounts": 1}),  # the first picture takes for ever
    "remix": ({}, {}),  # switched on below, on Discord's side
}

Servers = Callable[[str], Awaitable[World]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Give a server by its name; it runs until the session ends."""
    worlds: dict[str, World] = {}
    async with AsyncExitStack() as parts:

        async def world(name: str) -> World:
            if name not in worlds:
                worlds[name] = await _world(name, tmp_path_factory.mktemp(name), parts)
            return worlds[name]

        yield world


async def _world(name: str, path: Path, parts: AsyncExitStack) -> World:
    of_simulator, of_accounts = SERVERS[name]
    banned = path / "banned.txt"
    banned.write_text("gore\n", "utf-8")
    simulator = await parts.enter_async_context(simulator_running(**of_simulator))
    for settings in (each for account in simulator.world.accounts for each in account.settings.values()):
        settings.remix = name == "remix"
    rig = await parts.enter_async_context(engine_running(simulator, path, banned=banned, **of_accounts))
    doors = doors_of(rig, api_keys=(KEY,))
    await doors.start()
    parts.push_async_callback(doors.stop)
    envoy = running_envoy(doors.grpc_port, path, rest_backend_port=doors.rest_port, needs_key=True)
    url = await parts.enter_async_context(envoy)
    # One connection less to share means one test less to blame: every request opens its own.
    http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), auto_decompress=False)
    return World(rig, await parts.enter_async_context(http), url)
