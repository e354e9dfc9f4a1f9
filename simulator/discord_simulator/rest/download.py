"""One download of a file: whole, the requested range, or, with a fault, less than announced."""

from __future__ import annotations

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from discord_simulator.attachments import StoredPicture


class Download(web.StreamResponse):
    """Answers GET and HEAD as Discord's CDN does: one Range, If-Range and If-None-Match by ETag; sent piece by piece.

    A handler returns it and aiohttp sends it; until then a fault may change it.
    """

    def __init__(self, request: web.Request, picture: StoredPicture) -> None:
        super().__init__()
        self.headers["Accept-Ranges"] = "bytes"
        self.headers["Content-Type"] = picture.content_type
        self.headers["ETag"] = f'"{picture.etag}"'
        self._picture = picture
        self._first, self.length = 0, picture.size
        self._stop_after: int | None = None
        if request.headers.get("If-None-Match") == self.headers["ETag"]:
            self._be_empty(304)
        elif request.headers.get("If-Range", self.headers["ETag"]) == self.headers["ETag"]:
            self._choose_part(_part_asked_for(request))

    def stop_after(self, count: int) -> None:
        """Close the connection after this many bytes, although more were announced."""
        self._stop_after = count if count < self.length else None

    def ignore_range(self) -> None:
        """Send the whole file although a range was requested."""
        self.set_status(200)
        self.headers.pop("Content-Range", None)
        self._first, self.length = 0, self._picture.size

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send the head, and the body unless the request is a HEAD."""
        if self.prepared:
            return await super().prepare(request)
        self.content_length = self.length
        writer = await super().prepare(request)
        if request.method != "HEAD":
            await self._send_body(request)
        return writer

    async def _send_body(self, request: BaseRequest) -> None:
        count = self.length if self._stop_after is None else self._stop_after
        for piece in self._picture.blob.chunks(self._first, self._first + count - 1):
            await self.write(piece)
        if self._stop_after is not None and request.transport is not None:
            request.transport.close()  # close, not abort: what was written still goes out

    def _choose_part(self, part: slice | None) -> None:
        if part is None:
            return
        size = self._picture.size
        first, end, _ = part.indices(size)
        if first >= end:
            self._be_empty(416)
            self.headers["Content-Range"] = f"bytes */{size}"
            return
        self.set_status(206)
        self._first, self.length = first, end - first
        self.headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"

    def _be_empty(self, status: int) -> None:
        self.set_status(status)
        self.length = 0


def _part_asked_for(request: web.Request) -> slice | None:
    """Parse the Range header; None if there is none, or one that HTTP requires to be ignored."""
    try:
        return request.http_range if "Range" in request.headers else None
    except ValueError:
        return None
