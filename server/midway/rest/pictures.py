"""A Task's picture or film as a file: whole, in parts, or not again when the client has it."""

import re
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest
from midjourney.v1 import query_pb2

from midway.domain.errors import InvalidField
from midway.rest.call import HttpCall
from midway.rpc.task_images import TaskImage, TaskImages

# One range of bytes. aiohttp refuses every other header, which HTTP wants ignored.
ONE_RANGE = re.compile(r"bytes=(\d{1,18}-\d{0,18}|-0*[1-9]\d{0,17})", re.ASCII)


class Pictures:
    """Sends pictures."""

    def __init__(self, images: TaskImages) -> None:
        self._images = images

    async def show(self, call: HttpCall, request: query_pb2.GetTaskImageRequest) -> web.StreamResponse:
        """Send a picture for a browser to show. Raises as `TaskImages.open`."""
        return await self._send(call, request.task_id, request.index, "inline")

    async def save(self, call: HttpCall, request: query_pb2.DownloadTaskImageRequest) -> web.StreamResponse:
        """Send a picture for a browser to save. Raises as `TaskImages.open`."""
        if request.offset:
            raise InvalidField("offset", "is for gRPC; over REST ask for a Range")
        return await self._send(call, request.task_id, request.index, "attachment")

    async def _send(self, call: HttpCall, task_id: str, index: int, disposition: str) -> web.StreamResponse:
        """Send as much as is asked for, as fast as the client reads."""
        async with self._images.open(task_id, index) as image:
            # By the open file's own name: what the picture is called may lead elsewhere by now, or nowhere.
            answer = _OpenFile(f"/dev/fd/{image.file.fileno()}", headers=_headers(image, disposition))
            await answer.prepare(_with_usable_range(call.http, image.etag))
            return answer


class _OpenFile(web.FileResponse):
    """A file that is sent once: aiohttp prepares what a handler returns, and would send it again."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        return None if self.prepared else await super().prepare(request)


def _headers(image: TaskImage, disposition: str) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: image.content_type,
        hdrs.CONTENT_DISPOSITION: f"{disposition}; {_names(image.name)}",
        hdrs.CACHE_CONTROL: image.cache_control,
        "X-Content-Type-Options": "nosniff",
    }


def _names(name: str) -> str:
    """Name the file in both ways of RFC 6266: plain for old clients, and with every letter for all others."""
    plain = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "", name))
    return f'filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}")


def _with_usable_range(http: web.Request, etag: str) -> web.Request:
    """Take away a `Range` that does not count: of another form, of another method, or for a file that was replaced.

    aiohttp knows `If-Range` with a date only.
    """
    asked, condition = http.headers.get(hdrs.RANGE), http.headers.get(hdrs.IF_RANGE, "")
    if asked is None:
        return http
    is_of_another = '"' in condition and condition != f'"{etag}"'
    if http.method == hdrs.METH_GET and ONE_RANGE.fullmatch(asked) and not is_of_another:
        return http
    headers = http.headers.copy()
    del headers[hdrs.RANGE]
    return http.clone(headers=headers)
