"""The discord.py-self adapter alone: `python -m benchmarks.adapter URL ACCOUNT`. It draws grids and keeps nothing.

`/bare/Imagine` sends the Interactions for the given number of grids at once and answers when the last is finished.
"""

import asyncio
import sys
from typing import Any

import grpc
import uvloop
from discord_simulator.tokens import user_token
from midway.discord.client import DiscordClient
from midway.discord.endpoints import Endpoints
from midway.discord.event import Connected, Event, MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, Command, Option
from midway.domain.ids import ChannelId, GuildId, Nonces

from benchmarks.bare import Bare, serve

IMAGINE = "/bare/Imagine"  # the request is `slots count prompt`


class Adapter(Bare):
    """Draws with one account."""

    def __init__(self, url: str, account: int) -> None:
        super().__init__()
        self._guild = GuildId(str(200_000_000_000_000_000 + account))
        self._channel = ChannelId(str(300_000_000_000_000_000 + account))
        self._client = DiscordClient(user_token(account), self._guild, endpoints=Endpoints.simulator(url))
        self._nonces = Nonces()
        self._finals: asyncio.Queue[None] = asyncio.Queue()
        self._connected = asyncio.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Find the handler of a method."""
        if handler_call_details.method == IMAGINE:
            return grpc.unary_unary_rpc_method_handler(self._imagine)
        return super().service(handler_call_details)

    async def run(self) -> None:
        """Connect and serve until the process ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._client.run(self._hear), name="client")
            await self._connected.wait()
            server = await serve(self)
            await server.wait_for_termination()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Connected):
            self._connected.set()
        if isinstance(event, MessageCreated) and event.message.buttons:
            self._finals.put_nowait(None)

    async def _imagine(self, request: bytes, _context: Any) -> bytes:
        slots, count, prompt = request.decode().split(" ", 2)
        free = asyncio.Semaphore(int(slots))

        async def one(number: int) -> None:
            async with free:
                await self._client.interact(self._command(f"{prompt} {number}"), self._nonces.next())
                await self._finals.get()

        await asyncio.gather(*(one(number) for number in range(int(count))))
        return b""

    def _command(self, prompt: str) -> Command:
        return Command(
            application_id=MIDJOURNEY_APPLICATION_ID,
            channel_id=self._channel,
            guild_id=self._guild,
            name="imagine",
            options=(Option("prompt", prompt),),
        )


if __name__ == "__main__":
    uvloop.run(Adapter(sys.argv[1], int(sys.argv[2])).run())
