"""Requests whose body is announced and does not come: what is answered was told by the head alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.processes import PATIENCE_SECONDS


@asynccontextmanager
async def begun(
    url: str, method: str, path: str, *, length: int, beginning: bytes = b"", key: str = ""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a head, and so much of its body; hang up at the end."""
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    secret = f"mj-api-secret: {key}\r\n" if key else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{secret}Content-Length: {length}\r\n\r\n".encode())
    writer.write(beginning)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said_to_a_head(
    url: str, method: str, path: str, *, length: int, beginning: bytes = b"", key: str = ""
) -> int:
    """Return the status that is answered to a head, and so much of its body."""
    async with begun(url, method, path, length=length, beginning=beginning, key=key) as (reader, _):
        return await status_of(reader)


async def status_of(reader: asyncio.StreamReader) -> int:
    """Read the status line of an answer."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return int((await reader.readline()).split()[1])
