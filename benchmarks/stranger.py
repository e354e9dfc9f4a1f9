"""`python -m benchmarks.stranger GRPC REST COUNT`: abusive clients without a valid key, on both ports, until stopped.

Each client repeats one kind of abuse out of `WAYS`, assigned in turn, at a fixed rate, whatever the answer. The rates
are low enough for this process to use only part of one core: the load on the server is what is measured.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import grpc
import uvloop

WRONG = "no-key-of-this-server"
SERVICE, HEALTH = "/midjourney.v1.MidjourneyService/", "/grpc.health.v1.Health/Check"
SUBMIT = "/mj/submit/imagine"
HELD_SECONDS = 10.0  # that something is kept open
ANSWER_SECONDS = 20.0  # after which a stranger gives up
HELD_BYTES = 1_000_000  # sent of a body that never ends
LARGE_BYTES = 5_000_000  # of a body of small elements
BIG_MESSAGE_BYTES = 4_000_000  # of gRPC; clients' usual limit
# Errors of a refused connection or call; uvloop raises RuntimeError for a connection that the peer has closed.
TROUBLE = (OSError, EOFError, TimeoutError, RuntimeError, grpc.RpcError, aiohttp.ClientError)


class Stranger:
    """Knows both doors, by their addresses: gRPC's, and the REST API's, where gRPC is spoken as well."""

    def __init__(self, number: int, grpc_address: str, rest: str, http: aiohttp.ClientSession) -> None:
        self.number = number
        self.rest = rest
        self.http = http
        self.doors = (_place(f"http://{grpc_address}"), _place(rest))
        self.address = (grpc_address, urlsplit(rest).netloc)[number // len(WAYS) % 2]  # for gRPC: either door

    async def __aenter__(self) -> "Stranger":
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        self.channel = await grpc.aio.insecure_channel(self.address, options=options).__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    def call(self, method: str, request: bytes, *metadata: tuple[str, str]) -> Any:
        """Make a unary call with these very bytes."""
        raw: Any = self.channel.unary_unary(method)
        return raw(request, metadata=metadata, timeout=ANSWER_SECONDS)


async def wrong_key(stranger: Stranger) -> None:
    """Ask with a key of somewhere else, twice a second."""
    headers = {"authorization": f"{WRONG}-{stranger.number}"}
    async with stranger.http.get(f"{stranger.rest}/mj/task/1700000000000001/fetch", headers=headers) as answer:
        await answer.read()
    with suppress(grpc.RpcError):
        await stranger.call(SERVICE + "GetTask", b"", *headers.items())
    await asyncio.sleep(0.5)


async def held_body(stranger: Stranger) -> None:
    """Begin a body of 45 MB and never end it, once a second where it is refused."""
    head = (
        f"POST {SUBMIT} HTTP/1.1\r\nHost: 127.0.0.1\r\nauthorization: {WRONG}\r\n"
        "Content-Type: application/json\r\nContent-Length: 45000000\r\n\r\n"
    )
    await _held(stranger.doors[1], head.encode() + b" " * HELD_BYTES)
    await asyncio.sleep(1)


async def half_open_health(stranger: Stranger) -> None:
    """Begin a hundred health checks and never send their message, every five seconds where they are answered."""
    ask: Any = stranger.channel.stream_unary(HEALTH)

    async def nothing() -> Any:
        await asyncio.sleep(HELD_SECONDS)
        yield b""

    calls = [ask(nothing(), timeout=HELD_SECONDS) for _ in range(100)]
    await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(5)


async def silence(stranger: Stranger) -> None:
    """Connect ten times to each door and say nothing."""
    await asyncio.gather(*(_held(door, b"") for door in stranger.doors for _ in range(10)))


async def reset(stranger: Stranger) -> None:
    """Take back fifty calls a second."""
    for _ in range(5):
        stranger.call(SERVICE + "GetTask", b"").cancel()
    await asyncio.sleep(0.1)


async def not_there(stranger: Stranger) -> None:
    """Ask for what is not there, five times a second."""
    async with stranger.http.get(f"{stranger.rest}/{stranger.number}/wp-login.php") as answer:
        await answer.read()
    await asyncio.sleep(0.2)


async def large_body(stranger: Stranger) -> None:
    """Send five megabytes of small elements every ten seconds."""
    body = b'{"prompt":"a","base64Array":[' + b'"",' * (LARGE_BYTES // 3) + b'""]}'
    headers = {"mj-api-secret": WRONG, "Content-Type": "application/json"}
    async with stranger.http.post(stranger.rest + SUBMIT, data=body, headers=headers) as answer:
        await answer.read()
    await asyncio.sleep(10)


async def slow_head(stranger: Stranger) -> None:
    """Send a head letter by letter."""
    _, writer = await asyncio.open_connection(*stranger.doors[1])
    try:
        for letter in b"GET /mj/task/list HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 30:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.5)
    finally:
        writer.transport.abort()


async def malformed(stranger: Stranger) -> None:
    """Send what is no message, five times a second."""
    with suppress(grpc.RpcError):
        await stranger.call(SERVICE + "SubmitImagine", b"\xff" * 50, ("authorization", WRONG))
    await asyncio.sleep(0.2)


async def big_message(stranger: Stranger) -> None:
    """Send four megabytes in a message without a key every five seconds: in turn to a submit and to the health."""
    message = b"\x0a" + _varint(BIG_MESSAGE_BYTES) + b"a" * BIG_MESSAGE_BYTES  # field 1, a text, in both
    for method in (SERVICE + "SubmitImagine", HEALTH):
        with suppress(grpc.RpcError):
            await stranger.call(method, message)
        await asyncio.sleep(5)


WAYS: tuple[Callable[[Stranger], Awaitable[None]], ...] = (
    *(wrong_key, held_body, half_open_health, silence, reset),
    *(not_there, large_body, slow_head, malformed, big_message),
)


async def _held(place: tuple[str, int], data: bytes) -> None:
    """Connect, send, and keep the connection until the far side ends it, or for some seconds."""
    reader, writer = await asyncio.open_connection(*place)
    try:
        writer.write(data)
        async with asyncio.timeout(HELD_SECONDS):
            await reader.read(1)
    finally:
        writer.transport.abort()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


async def _pester(stranger: Stranger, way: Callable[[Stranger], Awaitable[None]]) -> None:
    await asyncio.sleep(stranger.number / 100)  # else all would come in step
    for _ in count():
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await way(stranger)
        except TROUBLE:
            await asyncio.sleep(0.5)  # shut out; again a moment later


async def main(grpc_address: str, rest: str, number: int) -> None:
    """Pester until killed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        strangers = [await stack.enter_async_context(Stranger(at, grpc_address, rest, http)) for at in range(number)]
        print(f"ready pid={os.getpid()}", flush=True)
        async with asyncio.TaskGroup() as group:
            for stranger in strangers:
                group.create_task(_pester(stranger, WAYS[stranger.number % len(WAYS)]))


if __name__ == "__main__":
    # Real clients have machines of their own, so this process must not take CPU time from those being measured.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
