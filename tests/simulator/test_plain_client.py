"""A client that does the least: a WebSocket without capabilities, compression or session id, and JSON requests."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from discord_simulator.app import Simulator
from discord_simulator.tokens import user_token

from tests.support.processes import PATIENCE_SECONDS

MJ, NIJI = "936929561302675456", "1022952195194359889"
Payload = dict[str, Any]


class PlainClient:
    """Knows its token, where its server is from READY, and the commands from the index."""

    def __init__(self, http: aiohttp.ClientSession, url: str, application_id: str) -> None:
        self._http = http
        self._api = url + "/api/v9"
        self._bot = application_id
        self._nonces = itertools.count(1)
        self._socket: aiohttp.ClientWebSocketResponse
        self.ready: Payload = {}

    async def log_in(self, token: str) -> None:
        self._headers = {"Authorization": token}
        async with self._http.get(self._api + "/gateway") as answer:
            self._socket = await self._http.ws_connect((await answer.json())["url"])
        await self._socket.send_json({"op": 2, "d": {"token": token, "properties": {"os": "linux"}}})
        self.ready = await self.event("READY")

    async def event(self, name: str, **wanted: Any) -> Payload:
        """Read up to the next event of this name with these values."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                payload = json.loads((await self._socket.receive()).data)
                data: Payload = payload["d"] or {}
                if payload["t"] == name and all(data.get(key) == value for key, value in wanted.items()):
                    return data

    async def picture(self) -> Payload:
        """Read up to the next new message of the bot's with a picture."""
        while not (message := await self.event("MESSAGE_CREATE"))["attachments"]:
            pass
        return message

    async def command(self, name: str, **values: str) -> str:
        guild = self.ready["guilds"][0]["id"]
        path = f"{self._api}/guilds/{guild}/application-command-index"
        async with self._http.get(path, headers=self._headers) as answer:
            commands = (await answer.json())["application_commands"]
        command = next(c for c in commands if (c["application_id"], c["name"]) == (self._bot, name))
        options = [{"type": 3, "name": key, "value": value} for key, value in values.items()]
        data = {"id": command["id"], "version": command["version"], "name": name, "type": 1, "options": options}
        return await self._interact({"type": 2, "data": data})

    async def press(self, message: Payload, label: str) -> str:
        buttons = (button for row in message["components"] for button in row["components"])
        custom_id = next(button["custom_id"] for button in buttons if button.get("label") == label)
        body = {"type": 3, "message_id": message["id"], "message_flags": message["flags"]}
        return await self._interact(body | {"data": {"component_type": 2, "custom_id": custom_id}})

    async def submit(self, modal: Payload, text: str) -> str:
        field = modal["components"][0]["components"][0]
        rows = [{"type": 1, "components": [{"type": 4, "custom_id": field["custom_id"], "value": text}]}]
        return await self._interact(
            {"type": 5, "data": {"id": modal["id"], "custom_id": modal["custom_id"], "components": rows}}
        )

    async def _interact(self, body: Payload) -> str:
        guild, nonce = self.ready["guilds"][0], str(next(self._nonces))
        place = {"guild_id": guild["id"], "channel_id": guild["channels"][0]["id"], "application_id": self._bot}
        url = self._api + "/interactions"
        async with self._http.post(url, json=body | place | {"nonce": nonce}, headers=self._headers) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
        return nonce


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(accounts=1, seed=1, speed=500) as simulator:
        yield simulator


@pytest.mark.parametrize("bot", [MJ, NIJI])
async def test_it_imagines_presses_u1_and_gets_its_picture(simulator: Simulator, bot: str):
    async with aiohttp.ClientSession() as http:
        client = PlainClient(http, simulator.url, bot)
        await client.log_in(user_token(1))
        nonce = await client.command("imagine", prompt="a red fox")
        await client.event("INTERACTION_SUCCESS", nonce=nonce)
        grid = await client.picture()
        pressed = await client.press(grid, "U1")
        pick = await client.picture()
        async with http.get(pick["attachments"][0]["url"]) as answer:
            content = await answer.read()

    assert pick["message_reference"]["message_id"] == grid["id"]
    assert "Image #1" in pick["content"]
    assert content.startswith(b"\x89PNG")
    assert pressed != nonce


async def test_it_sees_its_settings_and_fills_in_a_form(simulator: Simulator):
    """What a session id is for reaches a client that names none."""
    async with aiohttp.ClientSession() as http:
        client = PlainClient(http, simulator.url, MJ)
        await client.log_in(user_token(1))
        await client.command("settings")
        panel = await client.event("MESSAGE_CREATE", flags=64)
        await client.command("imagine", prompt="a red fox")
        await client.press(await client.picture(), "U1")
        await client.press(await client.picture(), "Custom Zoom")
        await client.submit(await client.event("INTERACTION_MODAL_CREATE"), "a red fox --zoom 2")
        zoomed = await client.picture()

    assert not {"guild_id", "member"} & panel.keys()
    assert "Zoom Out by" in zoomed["content"]


@pytest.mark.parametrize("token", [user_token(1), "simulator-account-1"])
async def test_the_short_name_of_an_account_is_as_good_as_its_token(simulator: Simulator, token: str):
    async with aiohttp.ClientSession() as http:
        client = PlainClient(http, simulator.url, MJ)
        await client.log_in(token)
        async with http.get(simulator.url + "/api/v9/users/@me", headers={"Authorization": token}) as answer:
            user = await answer.json()

    assert client.ready["user"]["id"] == user["id"] == "100000000000000001"
