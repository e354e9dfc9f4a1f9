"""A person at a Discord client: types commands, presses buttons, fills in forms, watches the channel."""

import base64
import io
import re
from collections.abc import Callable
from typing import Any

from discord_simulator.app import Simulator
from PIL import Image

from tests.simulator.gateway_client import GatewayClient

MJ, NIJI = "936929561302675456", "1022952195194359889"
STRING, ATTACHMENT, SUB_COMMAND = 3, 11, 1
Payload = dict[str, Any]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def labels(message: Payload) -> list[str]:
    """List what stands on a message's buttons: the label, or else the emoji."""
    return [b.get("label") or b["emoji"]["name"] for row in message["components"] for b in row["components"]]


def button(message: Payload, label: str) -> Payload:
    """Find a button by its label or emoji."""
    buttons = (b for row in message["components"] for b in row["components"])
    return next(b for b in buttons if label in (b.get("label"), b.get("emoji", {}).get("name")))


def job_of(message: Payload) -> str:
    """Read the job's UUID from the Web link."""
    match = UUID.search(button(message, "Web")["url"])
    assert match
    return match.group()


class Player:
    """Account 1 at a simulator; every method takes the events up to the one it returns."""

    def __init__(self, simulator: Simulator, client: GatewayClient, call: Callable[..., Any]) -> None:
        self.simulator = simulator
        self.client = client
        self.bot = MJ
        self._call = call
        self._nonce = 0
        self._uploads: list[Payload] = []

    @property
    def seen(self) -> list[tuple[str, Payload]]:
        """Every dispatch so far, in order."""
        return [(payload["t"], payload["d"]) for payload in self.client.seen if payload.get("t")]

    async def command(self, name: str, **values: str | int) -> str:
        """Send a slash command with string options, or attachment options where the value is a number."""
        return await self._command(name, values)

    async def command_in_dm(self, name: str, **values: str | int) -> str:
        """Send a slash command in the DM with the bot."""
        return await self._command(name, values, dm=True)

    async def _command(self, name: str, values: dict[str, str | int], *, dm: bool = False) -> str:
        command = next(
            c for c in self.simulator.world.commands.commands if (c.application_id, c.name) == (self.bot, name)
        )
        kinds = {str: STRING, int: ATTACHMENT}
        options: list[Payload] = [{"type": kinds[type(v)], "name": n, "value": v} for n, v in values.items()]
        if name == "prefer":
            options = [{"type": SUB_COMMAND, "name": "remix", "options": []}]
        data = {"id": command.id, "version": command.version, "name": name, "type": 1, "options": options}
        return await self._interact(2, data | {"attachments": self._uploads}, dm=dm)

    async def command_with_files(self, name: str, files: list[bytes], **values: str | int) -> str:
        """Upload files, then send a command whose attachment options point at them by number."""
        listed = [{"filename": f"{n}.png", "file_size": len(f), "id": str(n)} for n, f in enumerate(files)]
        _, answer = await self._call("POST", "/api/v9/channels/300000000000000001/attachments", json={"files": listed})
        self._uploads = []
        for n, (target, content) in enumerate(zip(answer["attachments"], files, strict=True)):
            path = target["upload_url"].removeprefix(self.simulator.url)
            status, _ = await self._call("PUT", path, data=content)
            assert status == 200
            self._uploads.append({"id": str(n), "filename": f"{n}.png", "uploaded_filename": target["upload_filename"]})
        nonce = await self.command(name, **values)
        self._uploads = []
        return nonce

    async def press(self, message: Payload, label: str) -> str:
        """Press a button of a message."""
        return await self.press_id(message, button(message, label)["custom_id"])

    async def press_id(self, message: Payload, custom_id: str, **data: Any) -> str:
        """Press a component by its custom id."""
        data = {"component_type": 2, "custom_id": custom_id} | data
        return await self._interact(3, data, message_id=message["id"], message_flags=message["flags"])

    async def submit(self, modal: Payload, text: str | None = None) -> str:
        """Send a form back, its prefilled text unchanged unless another is given."""
        field = modal["components"][0]["components"][0]
        typed = {"type": 4, "custom_id": field["custom_id"], "value": field["value"] if text is None else text}
        rows = [{"type": 1, "components": [typed]}]
        return await self._interact(5, {"id": modal["id"], "custom_id": modal["custom_id"], "components": rows})

    async def submit_mask(self, iframe: Payload, mask: bytes, prompt: str) -> int:
        """Send a Vary (Region) editor back; gives the HTTP status."""
        token = iframe["custom_id"].removeprefix("MJ::iframe::")
        body = {"customId": token, "mask": base64.b64encode(mask).decode(), "prompt": prompt}
        status, _ = await self._call("POST", "/inpaint/api/submit-job", json=body | {"userId": "0", "username": "0"})
        assert isinstance(status, int)
        return status

    async def imagine(self, prompt: str = "a red fox") -> Payload:
        """Make a grid and give its message."""
        await self.command("imagine", prompt=prompt)
        return await self.result()

    async def pick(self, grid: Payload, label: str = "U2") -> Payload:
        """Take one picture out of a grid."""
        await self.press(grid, label)
        return await self.result()

    async def result(self) -> Payload:
        """Wait for the next message that carries a result."""
        return await self.event("MESSAGE_CREATE", lambda d: bool(d["attachments"] and d["components"]))

    async def refused(self) -> Payload:
        """Wait for the next message that carries an embed, and give the embed."""
        message = await self.event("MESSAGE_CREATE", lambda d: bool(d["embeds"]))
        embed: Payload = message["embeds"][0]
        return embed

    async def start(self) -> Payload:
        """Wait for the next progress message."""
        return await self.event("MESSAGE_CREATE", lambda d: "(Waiting to start)" in d["content"])

    async def event(self, name: str, found: Callable[[Payload], bool] = bool) -> Payload:
        """Wait for the next event of this name that `found` accepts."""
        data: Payload = (await self.client.event(name, found))["d"]
        return data

    async def image(self, message: Payload) -> Image.Image:
        """Download and open a message's picture."""
        return Image.open(io.BytesIO(await self.download(message["attachments"][0]["url"])))

    async def download(self, url: str) -> bytes:
        """Read a CDN link."""
        async with self.client._http.get(url) as response:
            assert response.status == 200
            return await response.read()

    async def _interact(self, kind: int, data: Payload, *, dm: bool = False, **changes: Any) -> str:
        self._nonce += 1
        nonce = f"9{self._nonce:018d}"
        place = (
            {"channel_id": "400000000000000001"}
            if dm
            else {
                "guild_id": "200000000000000001",
                "channel_id": "300000000000000001",
            }
        )
        body = place | {
            "type": kind,
            "application_id": self.bot,
            "session_id": self.client.session_id,
            "nonce": nonce,
            "data": data,
        }
        status, answer = await self._call("POST", "/api/v9/interactions", json=body | changes)
        assert status == 204, answer
        return nonce
