"""One WebSocket's sending half."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .encoding import Encoder, PlainText, ZlibPayloads, ZlibStream
from .faults.handshake import FrameSplit
from .json_types import Json
from .rest.context import WORLD

ABORTED = 1006
CLOSE_SECONDS = 0.5  # for the client's answer to a close frame


class Socket:
    """A queue, so that events can be pushed from anywhere without waiting."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, encoder: Encoder) -> None:
        self._response = response
        self._transport = request.transport
        self._encoder = encoder
        self._faults = request.app[WORLD].faults
        self.closed_by_us = False
        self._queue: asyncio.Queue[Json | int] = asyncio.Queue()  # a number is a close code

    def push(self, payload: Json) -> None:
        """Queue a payload for sending."""
        self._queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close after what is queued; 1006 aborts the TCP connection at once."""
        self.closed_by_us = True
        if code == ABORTED:
            self._abort()
        else:
            self._queue.put_nowait(code)

    def compress_payloads(self) -> None:
        """Pack large payloads from now on; a connection that is one stream stays so."""
        if isinstance(self._encoder, PlainText):
            self._encoder = ZlibPayloads()

    async def write(self) -> None:
        """Send what is queued until a close is, or the connection is gone."""
        try:
            while not isinstance(item := await self._queue.get(), int):
                await self._send(self._encoder.encode(item))
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._response.close(code=item)
        except (ConnectionError, TimeoutError):
            self._abort()

    async def _send(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            await self._response.send_str(frame)
            return
        for piece in _split(frame, self._pieces()):
            await self._response.send_bytes(piece)

    def _pieces(self) -> int:
        """Return in how many frames to send a payload: 1, or more with a fault, if zlib-stream marks its end."""
        fault = self._faults.take(FrameSplit, None) if isinstance(self._encoder, ZlibStream) else None
        return fault.pieces if fault else 1

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Sockets(set[Socket]):
    """Every open socket, identified or not, for closing them at the end."""


SOCKETS = web.AppKey("sockets", Sockets)


def _split(frame: bytes, pieces: int) -> list[bytes]:
    size = -(-len(frame) // pieces)
    return [frame[start : start + size] for start in range(0, len(frame), size)]
