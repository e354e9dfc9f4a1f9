"""How gateway payloads become WebSocket frames: plain text, zlib-stream, zstd-stream."""

from __future__ import annotations

import importlib.util
import zlib
from typing import Any, Protocol

import orjson

from .json_types import Json


class Encoder(Protocol):
    """Turns payloads into frames; one encoder lives as long as its connection."""

    def encode(self, payload: Json) -> str | bytes:
        """Give the frame of one payload."""


class PlainText:
    """`encoding=json` without compression."""

    def encode(self, payload: Json) -> str:
        """Give a text frame."""
        return orjson.dumps(payload).decode()


class ZlibStream:
    """One deflate stream for the whole connection; each payload ends with a sync flush, `00 00 ff ff`."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, payload: Json) -> bytes:
        """Give a binary frame that the client can inflate at once."""
        return self._stream.compress(orjson.dumps(payload)) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """One zstd stream for the whole connection; needs the `zstandard` package."""

    def __init__(self) -> None:
        zstandard: Any = importlib.import_module("zstandard")
        self._stream = zstandard.ZstdCompressor().compressobj()
        self._flush_block = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def encode(self, payload: Json) -> bytes:
        """Give a binary frame that the client can decompress at once."""
        frame: bytes = self._stream.compress(orjson.dumps(payload)) + self._stream.flush(self._flush_block)
        return frame


def encoder_for(compress: str | None) -> Encoder | None:
    """Choose by the connection's `compress` parameter; None when it cannot be served."""
    if not compress:
        return PlainText()
    if compress == "zlib-stream":
        return ZlibStream()
    if compress == "zstd-stream" and importlib.util.find_spec("zstandard"):
        return ZstdStream()
    return None
