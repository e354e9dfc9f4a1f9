"""A Discord client of fifty lines on plain aiohttp: what arrives is what the simulator sent."""

import asyncio
import json
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import zstandard
from discord_simulator.tokens import user_token

from tests.support.processes import PATIENCE_SECONDS

CAPABILITIES = 22525  # what discord.py-self 2.1.0 asks for


class GatewayClient:
    """One gateway connection; payloads are taken in order."""

    def __init__(self, http: aiohttp.ClientSession, url: str, *, compress: str | None = None) -> None:
        self.socket: aiohttp.ClientWebSocketResponse
        self.session_id = ""
        self.sequence = 0
        self.seen: list[dict[str, Any]] = []
        self.frames: list[bytes | str] = []
        self._http = http
        self._url = f"{url}?v=9&encoding=json" + (f"&compress={compress}" if compress else "")
        self._compress = compress
        self._inflate = zlib.decompressobj()
        self._unzstd = zstandard.ZstdDecompressor().decompressobj()
        self._buffer = b""

    async def __aenter__(self) -> Self:
        self.socket = await self._http.ws_connect(self._url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close(code=4000)  # as a client does that means to resume

    async def send(self, opcode: int, data: Any) -> None:
        await self.socket.send_json({"op": opcode, "d": data})

    async def identify(self, number: int = 1) -> dict[str, Any]:
        """Log in as today's clients do and give READY's data; READY_SUPPLEMENTAL has come, too."""
        ready = await self.identify_with(user_token(number), capabilities=CAPABILITIES)
        await self.event("READY_SUPPLEMENTAL")
        return ready

    async def identify_with(self, token: str, **asked: Any) -> dict[str, Any]:
        """Log in with these fields of IDENTIFY and give READY's data."""
        await self.send(2, {"token": token, "properties": {}} | asked)
        ready: dict[str, Any] = (await self.event("READY"))["d"]
        self.session_id = ready["session_id"]
        return ready

    async def resume(self, other: "GatewayClient", number: int = 1) -> None:
        """Take over another connection's session."""
        self.session_id = other.session_id
        await self.send(6, {"token": user_token(number), "session_id": other.session_id, "seq": other.sequence})

    async def event(self, name: str, found: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """Read up to the next dispatch of this name that `found` accepts."""
        return await self.payload(lambda p: p.get("t") == name and found(p["d"]))

    async def payload(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read up to the next payload that `found` accepts."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not found(payload := await self._next()):
                pass
        return payload

    async def close_code(self) -> int | None:
        """Read until the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for message in self.socket:
                self.frames.append(message.data)
        return self.socket.close_code

    async def _next(self) -> dict[str, Any]:
        while True:
            message = await self.socket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                raise ConnectionError(f"closed with {self.socket.close_code}")
            self.frames.append(message.data)
            if (text := self._decode(message.data)) is not None:
                break
        payload: dict[str, Any] = json.loads(text)
        self.sequence = payload.get("s") or self.sequence
        self.seen.append(payload)
        return payload

    def _decode(self, frame: bytes | str) -> bytes | str | None:
        if isinstance(frame, str):
            return frame
        if self._compress == "zstd-stream":
            return self._unzstd.decompress(frame)
        if not self._compress:
            return zlib.decompress(frame)
        self._buffer += frame
        if not self._buffer.endswith(b"\x00\x00\xff\xff"):
            return None
        text, self._buffer = self._inflate.decompress(self._buffer), b""
        return text
