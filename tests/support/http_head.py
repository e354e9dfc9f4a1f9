"""Requests whose body is announced and does not come: what is answered was told by the head alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.support.processes import PATIENCE_SECONDS


@asynccontextmanager
async def begun(
    url: str,
    method: str,
    path: str,
    *,
    length: int,
    beginning: bytes = b"",
    key: str = "",
    content_types: Sequence[str] = (),
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a head, and so much of its body; hang up at the end."""
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}"]
    lines += [f"mj-api-secret: {key}"] if key else []
    lines += [f"Content-Type: {each}" for each in content_types]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    writer.write(beginning)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said_to_a_head(
    url: str,
    method: str,
    path: str,
    *,
    length: int,
    beginning: bytes = b"",
    key: str = "",
    content_types: Sequence[str] = (),
) -> int:
    """Return the status that is answered to a head, and so much of its body."""
    whole = begun(url, method, path, length=length, beginning=beginning, key=key, content_types=content_types)
    async with whole as (reader, _):
        return await status_of(reader)


async def status_of(reader: asyncio.StreamReader) -> int:
    """Read the status line of an answer."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return int((await reader.readline()).split()[1])
