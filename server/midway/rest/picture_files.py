"""A Task's picture or film as a file: whole (200), in part (206), or 304 if the client has it.

aiohttp's FileResponse does not fit: it opens a path, which may be a different file by now, supports `If-Range` only
with a date, and sends its own errors with the picture's headers.
"""

import asyncio
import os
import re
from urllib.parse import quote

from aiohttp import ETag, hdrs, web
from midjourney.v1 import query_pb2

from midway.domain.errors import InvalidField
from midway.rest.call import HttpCall
from midway.rpc.task_images import CHUNK_BYTES, TaskImage, TaskImages

# A single byte range; every other form is ignored, as HTTP requires.
ONE_RANGE = re.compile(r"bytes=(?P<first>\d{1,18})?-(?P<last>\d{1,18})?", re.ASCII | re.IGNORECASE)

PictureRequest = query_pb2.GetTaskImageRequest | query_pb2.DownloadTaskImageRequest


class Pictures:
    """Sends pictures."""

    def __init__(self, images: TaskImages) -> None:
        self._images = images

    async def show(self, call: HttpCall, request: query_pb2.GetTaskImageRequest) -> web.StreamResponse:
        """Send a picture for a browser to show. Raises as `TaskImages.open`."""
        return await self._send(call, request, "inline")

    async def save(self, call: HttpCall, request: query_pb2.DownloadTaskImageRequest) -> web.StreamResponse:
        """Send a picture for a browser to save. Raises as `TaskImages.open`."""
        if request.offset:
            raise InvalidField("offset", "is for gRPC only; over REST use the Range header")
        return await self._send(call, request, "attachment")

    async def _send(self, call: HttpCall, request: PictureRequest, disposition: str) -> web.StreamResponse:
        async with self._images.open(request.task_id, request.index, request.width) as image:
            part = asked_part(call.http, image)
            if part is not None and not part:
                return web.Response(status=416, headers={hdrs.CONTENT_RANGE: f"bytes */{image.size}"})
            answer = _head(call.http, image, part, disposition)
            await call.begin(answer)
            if call.http.method != hdrs.METH_HEAD and answer.status != 304:
                await _send_part(answer, image, range(image.size) if part is None else part)
            return answer


def asked_part(http: web.Request, image: TaskImage) -> range | None:
    """Return the requested bytes: an empty range if they are beyond the end, None for the whole file.

    `Range` applies to GET only and, with `If-Range`, only if the client's ETag is that of this file.
    """
    asked = ONE_RANGE.fullmatch(http.headers.get(hdrs.RANGE, ""))
    condition = http.headers.get(hdrs.IF_RANGE, _quoted(image))
    if not asked or http.method != hdrs.METH_GET or condition != _quoted(image):
        return None
    first, last = (int(number) if number else None for number in asked.groups())
    match first, last:
        case int(), int() if first <= last:
            return range(first, min(last + 1, image.size))
        case int(), None:
            return range(first, image.size)
        case None, int():
            return range(max(image.size - last, 0), image.size)
    return None


def _head(http: web.Request, image: TaskImage, part: range | None, disposition: str) -> web.StreamResponse:
    answer = web.StreamResponse(
        headers={
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CACHE_CONTROL: image.cache_control,
            hdrs.CONTENT_DISPOSITION: f"{disposition}; {_names(image.name)}",
            hdrs.CONTENT_TYPE: image.content_type,
            hdrs.ETAG: _quoted(image),
            "X-Content-Type-Options": "nosniff",
        }
    )
    if _is_known(http.if_none_match, image):
        answer.set_status(304)
        return answer
    answer.content_length = image.size if part is None else len(part)
    if part is not None:
        answer.set_status(206)
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{image.size}"
    return answer


async def _send_part(answer: web.StreamResponse, image: TaskImage, part: range) -> None:
    """Send as fast as the client reads; the file is not read ahead. Raises OSError."""
    for start in part[::CHUNK_BYTES]:
        size = min(CHUNK_BYTES, part.stop - start)
        data = await asyncio.to_thread(os.pread, image.file.fileno(), size, start)
        if len(data) < size:
            raise OSError("the file ends before its size")
        await answer.write(data)


def _is_known(tags: tuple[ETag, ...] | None, image: TaskImage) -> bool:
    """Tell whether `If-None-Match` matches the picture; weak tags count, and `*` matches any."""
    return any(tag.value in {"*", image.etag} for tag in tags or ())


def _quoted(image: TaskImage) -> str:
    return f'"{image.etag}"'


def _names(name: str) -> str:
    """Return the file name in both forms of RFC 6266: ASCII for old clients, UTF-8 for all others."""
    plain = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "", name))
    return f'filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}")
