"""How gateway payloads become WebSocket frames: plain text, zlib-stream, zstd-stream, or zlib for each payload."""

from __future__ import annotations

import zlib
from typing import Protocol

import orjson
import zstandard

from .json_types import Json

PAYLOAD_COMPRESSED_FROM = 1024  # bytes; with IDENTIFY's `compress`, smaller payloads stay text
# A window of 128 KiB keeps a thousand connections small; the fastest level packs chat as well as zlib's default.
ZSTD_LEVEL, ZSTD_WINDOW_LOG = 1, 17
ZLIB_LEVEL, ZLIB_WINDOW_BITS, ZLIB_MEMORY_LEVEL = 1, 13, 6  # 64 KB for each connection, as small as level 6 packs


class Encoder(Protocol):
    """Turns payloads into frames; one encoder lives as long as its connection."""

    def encode(self, payload: Json) -> str | bytes:
        """Return the frame of one payload."""


class PlainText:
    """`encoding=json` without compression."""

    def encode(self, payload: Json) -> str:
        """Return a text frame."""
        return orjson.dumps(payload).decode()


class ZlibPayloads:
    """IDENTIFY's `compress`: large payloads are zlib each by itself, in binary frames; the others stay text."""

    def encode(self, payload: Json) -> str | bytes:
        """Return a text or binary frame."""
        text = orjson.dumps(payload)
        return text.decode() if len(text) < PAYLOAD_COMPRESSED_FROM else zlib.compress(text)


class ZlibStream:
    """One deflate stream for the whole connection; each payload ends with a sync flush, `00 00 ff ff`."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(ZLIB_LEVEL, wbits=ZLIB_WINDOW_BITS, memLevel=ZLIB_MEMORY_LEVEL)

    def encode(self, payload: Json) -> bytes:
        """Return a binary frame that the client can inflate at once."""
        return self._stream.compress(orjson.dumps(payload)) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """One zstd frame for the whole connection, never ended; each payload is flushed as a block."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, window_log=ZSTD_WINDOW_LOG)
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    def encode(self, payload: Json) -> bytes:
        """Return a binary frame that the client can decompress at once."""
        return self._stream.compress(orjson.dumps(payload)) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def encoder_for(compress: str | None) -> Encoder | None:
    """Choose by the connection's `compress` parameter; None for an unknown name."""
    if not compress:
        return PlainText()
    if compress == "zlib-stream":
        return ZlibStream()
    return ZstdStream() if compress == "zstd-stream" else None
