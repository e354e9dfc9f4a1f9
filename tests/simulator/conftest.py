"""A simulator with a small bot, and clients that speak to it."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from discord_simulator.app import Simulator
from discord_simulator.rest.context import BOT
from discord_simulator.tokens import user_token

from tests.simulator.gateway_client import GatewayClient
from tests.simulator.player import Player
from tests.simulator.small_bot import SmallBot

MJ, NIJI = "936929561302675456", "1022952195194359889"
IMAGINE = ("938956540159881230", "1237876415471554623")


class Discord:
    """One account's way to a simulator: REST calls, gateway connections, interaction bodies."""

    def __init__(self, simulator: Simulator, http: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.http = http
        self.session_id = "unknown-session"
        self._nonces = itertools.count(1)

    @property
    def bot(self) -> SmallBot:
        bot = self.simulator._app[BOT]
        assert isinstance(bot, SmallBot)
        return bot

    def connect(self, compress: str | None = None) -> GatewayClient:
        return GatewayClient(self.http, self.simulator.gateway_url, compress=compress)

    async def call(self, method: str, path: str, *, account: int = 1, **options: Any) -> tuple[int, Any]:
        """Send a REST call with the account's token; give status and JSON, or None without a body."""
        headers = {"Authorization": user_token(account)}
        async with self.http.request(method, self.simulator.url + path, headers=headers, **options) as response:
            return response.status, await response.json() if response.content_type == "application/json" else None

    async def sim(self, path: str, body: Any) -> Any:
        """Post to the control API and demand success."""
        status, answer = await self.call("POST", "/__sim/" + path, json=body)
        assert status == 200, answer
        return answer

    async def fault(self, fault: str, **fields: Any) -> None:
        await self.sim("faults", {"fault": fault, **fields})

    async def interact(self, body: dict[str, Any], account: int = 1) -> tuple[int, Any]:
        return await self.call("POST", "/api/v9/interactions", account=account, json=body)

    def frame(self, kind: int, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Build an interaction's body as account 1 in its server channel."""
        return {
            "type": kind,
            "application_id": MJ,
            "guild_id": "200000000000000001",
            "channel_id": "300000000000000001",
            "session_id": self.session_id,
            "nonce": str(next(self._nonces)),
            "data": data,
        } | changes

    def imagine(self, prompt: str = "a red fox", **changes: Any) -> dict[str, Any]:
        command_id, version = IMAGINE
        options = [{"type": 3, "name": "prompt", "value": prompt}]
        data = {"id": command_id, "version": version, "name": "imagine", "type": 1, "options": options}
        return self.frame(2, data) | changes

    def press(self, message_id: str, custom_id: str, **changes: Any) -> dict[str, Any]:
        data = {"component_type": 2, "custom_id": custom_id}
        return self.frame(3, data, message_id=message_id, message_flags=0) | changes

    async def journal(self, kind: str) -> list[dict[str, Any]]:
        return list(self.simulator.world.journal.lines(kind=kind))


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    async with Simulator(accounts=2, seed=1, speed=1000, bot=SmallBot) as simulator, aiohttp.ClientSession() as http:
        yield Discord(simulator, http)


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    """A person logged in as account 1, with the Midjourney bot in the channel."""
    async with Simulator(accounts=2, seed=1, speed=500) as simulator, aiohttp.ClientSession() as http:
        discord = Discord(simulator, http)
        async with discord.connect() as client:
            await client.identify()
            yield Player(simulator, client, discord.call)
