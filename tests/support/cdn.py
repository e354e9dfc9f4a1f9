"""A CDN that serves one file over real sockets, and misbehaves as it is told."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

_STEP = 64 * 1024


@dataclass
class Cdn:
    """What it serves, and how. `cuts` and `statuses` are used up, one by each answer."""

    content: bytes
    etag: str = '"first"'
    knows_ranges: bool = True
    heeds_if_range: bool = True
    says_length: bool = True  # else the answer is chunked
    cuts: list[int] = field(default_factory=list)  # bytes after which the connection breaks
    statuses: list[int] = field(default_factory=list)  # errors to answer with first
    stalls_after: int | None = None  # bytes after which nothing comes any more
    asked: list[tuple[str, str]] = field(default_factory=list)  # Range and If-Range of each request
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)  # answers wait for it
    url: str = ""

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append((request.headers.get("Range", ""), request.headers.get("If-Range", "")))
        self.is_asked.set()
        await self.gate.wait()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        start = self._start(request)
        if start and start >= len(self.content):
            return web.Response(status=416)
        response = self._begin(start)
        await response.prepare(request)
        await self._write(request, response, memoryview(self.content)[start:])
        return response

    def _start(self, request: web.Request) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        is_same = request.headers.get("If-Range") == self.etag or not self.heeds_if_range
        return int(wanted[1]) if wanted and self.knows_ranges and is_same else 0

    def _begin(self, start: int) -> web.StreamResponse:
        response = web.StreamResponse(status=206 if start else 200)
        size = len(self.content)
        if self.etag:
            response.headers["ETag"] = self.etag
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        if self.says_length:
            response.content_length = size - start
        else:
            response.enable_chunked_encoding()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse, body: memoryview) -> None:
        cut = self.cuts.pop(0) if self.cuts else None
        end = min(each for each in (cut, self.stalls_after, len(body)) if each is not None)
        for at in range(0, end, _STEP):
            await response.write(body[at : min(at + _STEP, end)])
        if end == self.stalls_after:
            self.gate.clear()
            await self.gate.wait()
        if end < len(body) and request.transport:
            request.transport.close()


@asynccontextmanager
async def cdn_running(cdn: Cdn) -> AsyncIterator[Cdn]:
    """Serve at `cdn.url` until the context ends."""
    app = web.Application()
    app.router.add_get("/{name:.*}", cdn.give)
    cdn.gate.set()
    async with TestServer(app) as server:
        cdn.url = str(server.make_url("/film.mp4"))
        try:
            yield cdn
        finally:
            cdn.gate.set()
