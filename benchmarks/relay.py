"""A bare loop and stream: `python -m benchmarks.relay URL ACCOUNTS` passes each message of Discord's to its watchers.

One WebSocket for each account, the JSON parsed, the message written to the streams that were opened with its prompt.
"""

import asyncio
import json
import sys

import aiohttp
import uvloop
from discord_simulator.tokens import user_token

from benchmarks.bare import Bare, serve

HELLO, HEARTBEAT, IDENTIFY = 10, 1, 2
MESSAGES = ("MESSAGE_CREATE", "MESSAGE_UPDATE")


class Relay:
    """Listens to some accounts."""

    def __init__(self, url: str, bare: Bare) -> None:
        self._gateway = url.replace("http", "ws", 1) + "/gateway"
        self._bare = bare

    async def listen(self, account: int, ready: asyncio.Event) -> None:
        """Identify, and pass on what comes until the process ends."""
        async with aiohttp.ClientSession() as http, http.ws_connect(self._gateway, max_msg_size=0) as socket:
            await socket.send_json({"op": IDENTIFY, "d": {"token": user_token(account)}})
            async for frame in socket:
                payload = json.loads(frame.data)
                if payload["op"] == HELLO:
                    beating = asyncio.create_task(beat(socket, payload["d"]["heartbeat_interval"] / 1000))
                    beating.add_done_callback(lambda _: None)
                if payload["t"] == "READY":
                    ready.set()
                if payload["t"] in MESSAGES:
                    self._pass_on(payload["d"])

    def _pass_on(self, message: dict[str, object]) -> None:
        prompt = prompt_of(str(message["content"]))
        if prompt:
            self._bare.boards[prompt.encode()].tell(json.dumps(message).encode())


def prompt_of(content: str) -> str:
    """Find the words that a message of the bot's is about, without their parameters."""
    bold = content.split("**")
    return bold[1].partition(" --")[0] if len(bold) > 1 else ""


def percent_of(content: str) -> int:
    """Find how much such a message says is drawn; 0 when it does not say."""
    before, found, _ = content.rpartition("%)")
    return int(before.rpartition("(")[2]) if found else 0


async def beat(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> None:
    """Send heartbeats until the socket closes."""
    while not socket.closed:
        await asyncio.sleep(seconds)
        await socket.send_json({"op": HEARTBEAT, "d": None})


async def _main(url: str, accounts: int) -> None:
    bare = Bare()
    relay, ready = Relay(url, bare), [asyncio.Event() for _ in range(accounts)]
    async with asyncio.TaskGroup() as group:
        for number, event in enumerate(ready, start=1):
            group.create_task(relay.listen(number, event), name=f"account {number}")
        await asyncio.gather(*(event.wait() for event in ready))
        server = await serve(bare)
        await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], int(sys.argv[2])))
