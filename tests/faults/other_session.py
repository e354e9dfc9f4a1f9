"""The account's owner at a Discord client of their own, beside Midway: the same user, another session."""

from types import TracebackType
from typing import Any, Self

import aiohttp
from discord_simulator.app import Simulator
from discord_simulator.tokens import user_token

MJ = "936929561302675456"
COMMAND = 2


class OtherSession:
    """Sends commands as the account's owner; use as an async context manager."""

    def __init__(self, simulator: Simulator, account: int) -> None:
        self.nonces: list[str] = []
        self._simulator = simulator
        self._account = account

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(headers={"Authorization": user_token(self._account)})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def imagine(self, prompt: str) -> None:
        """Send /imagine."""
        version = next(
            c for c in self._simulator.world.commands.commands if (c.application_id, c.name) == (MJ, "imagine")
        )
        option = {"type": 3, "name": "prompt", "value": prompt}
        data = {"id": version.id, "version": version.version, "name": "imagine", "type": 1, "options": [option]}
        await self._interact({"type": COMMAND, "data": data | {"attachments": []}})

    async def _interact(self, body: dict[str, Any]) -> None:
        self.nonces.append(f"9{len(self.nonces):018d}")
        place = {
            "guild_id": str(200000000000000000 + self._account),
            "channel_id": str(300000000000000000 + self._account),
        }
        whole = body | place | {"application_id": MJ, "session_id": "owner", "nonce": self.nonces[-1]}
        async with self._http.post(f"{self._simulator.url}/api/v9/interactions", json=whole) as answer:
            assert answer.status == 204, await answer.text()
