"""The real discord.py-self, pointed at a simulator for one client object only."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import yarl
from curl_cffi import requests
from discord import utils
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route, _gen_session
from discord.state import ConnectionState
from discord_simulator.tokens import user_token

from tests.support.processes import PATIENCE_SECONDS


def static_headers() -> utils.Headers:
    """Say what the library would otherwise ask third parties for."""
    properties = {
        "os": "Linux",
        "browser": "Chrome",
        "browser_version": "136.0.0.0",
        "browser_user_agent": utils.Headers._get_user_agent(136),
        "client_build_number": 9999,
    }
    encoded = base64.b64encode(json.dumps(properties).encode()).decode()
    return utils.Headers(
        platform="Linux",
        major_version=136,
        super_properties=properties,
        encoded_super_properties=encoded,
        extra_gateway_properties={},
    )


class LocalHTTP(HTTPClient):
    """Sends every call to the simulator."""

    simulator: yarl.URL

    async def startup(self) -> None:
        self._global_over = asyncio.Event()
        self._global_over.set()
        self.connector = aiohttp.TCPConnector(limit=0)
        self._HTTPClient__asession = await _gen_session(aiohttp.ClientSession(connector=self.connector))
        self.headers = static_headers()
        self._HTTPClient__session: Any = requests.AsyncSession(
            impersonate="chrome", default_headers=False, max_clients=32
        )
        self._started = True

    async def request(self, route: Route, **options: Any) -> Any:
        if route.url.startswith(Route.BASE):
            route.url = f"{self.simulator}api/v9{route.url[len(Route.BASE) :]}"
        return await super().request(route, **options)

    async def ws_connect(self, url: str, **options: Any) -> Any:
        asked = yarl.URL(url)
        if asked.host == DiscordWebSocket.DEFAULT_GATEWAY.host:
            url = str(self.simulator.with_scheme("ws").with_path("/gateway").with_query(asked.query))
        return await super().ws_connect(url, max_message_size=64 << 20, **options)

    async def get_preferred_voice_regions(self) -> list[Any]:
        return []


class RawState(ConnectionState):
    """Hands every dispatch to the test as it came."""

    def parse_interaction_failure(self, data: Any) -> None:  # the library knows only INTERACTION_FAILED
        self.dispatch("raw", "INTERACTION_FAILURE", data)

    def parse_interaction_iframe_modal_create(self, data: Any) -> None:
        self.dispatch("raw", "INTERACTION_IFRAME_MODAL_CREATE", data)

    def parse_interaction_success(self, data: Any) -> None:
        self.dispatch("raw", "INTERACTION_SUCCESS", data)
        super().parse_interaction_success(data)

    def parse_interaction_modal_create(self, data: Any) -> None:
        self.dispatch("raw", "INTERACTION_MODAL_CREATE", data)
        super().parse_interaction_modal_create(data)

    def parse_message_create(self, data: Any) -> None:
        self.dispatch("raw", "MESSAGE_CREATE", data)
        super().parse_message_create(data)

    def parse_message_reaction_add(self, data: Any) -> None:
        self.dispatch("raw", "MESSAGE_REACTION_ADD", data)
        super().parse_message_reaction_add(data)


class LocalClient(discord.Client):
    """A client that can reach nothing but the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__(
            chunk_guilds_at_startup=False, member_cache_flags=discord.MemberCacheFlags.none(), sync_presence=False
        )
        self.http.__class__ = LocalHTTP
        assert isinstance(self.http, LocalHTTP)
        self.http.simulator = yarl.URL(url + "/")
        self.raw: list[tuple[str, dict[str, Any]]] = []
        self.resumed = asyncio.Event()
        self._news = asyncio.Condition()

    def _get_state(self, **options: Any) -> ConnectionState:
        return RawState(
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            loop=self.loop,
            client=self,
            **options,
        )

    async def on_raw(self, name: str, data: dict[str, Any]) -> None:
        async with self._news:
            self.raw.append((name, data))
            self._news.notify_all()

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def raw_event(self, name: str, key: str = "id") -> dict[str, Any]:
        """Wait for an event of this name whose `key` is there and not empty; it may have come already."""

        def found() -> dict[str, Any] | None:
            return next((data for seen, data in self.raw if seen == name and data.get(key)), None)

        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(found)
        return found() or {}

    async def raw_events(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many events of this name have come."""

        def found() -> list[dict[str, Any]]:
            return [data for seen, data in self.raw if seen == name]

        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()


@asynccontextmanager
async def logged_in(url: str, number: int = 1) -> AsyncIterator[LocalClient]:
    """Log an account in and connect; the client is ready inside."""
    client, before = LocalClient(url), asyncio.all_tasks()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        await client.login(user_token(number))
        connection = tasks.create_task(client.connect(), name="connect")
        await client.wait_until_ready()
        try:
            yield client
        finally:
            await client.close()
            connection.cancel()
    # The library starts tasks that it does not wait for.
    while left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left)
