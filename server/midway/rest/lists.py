"""Pages of Tasks in JSON, sent Task by Task, with flow control: more are read as the client reads."""

from collections.abc import AsyncIterator

import orjson
from aiohttp import hdrs, web
from google.protobuf import json_format
from midjourney.v1 import query_pb2

from midway.rest.call import JSON, HttpCall
from midway.rpc.listing import Listing, TaskPage


class Lists:
    """Sends pages of Tasks."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing

    async def send(self, call: HttpCall, request: query_pb2.ListTasksRequest) -> web.StreamResponse:
        """Send a page. Raises InvalidField."""
        page = await self._listing.page(request)
        answer = web.StreamResponse(headers={hdrs.CONTENT_TYPE: JSON})
        await call.begin(answer)
        if call.http.method != hdrs.METH_HEAD:
            async for piece in _json(page):
                await answer.write(piece)
        return answer


async def _json(page: TaskPage) -> AsyncIterator[bytes]:
    """Yield a ListTasksResponse in pieces; fields with default values are left out, as in all JSON of this API."""
    before = b'{"tasks":['
    async for task in page:
        yield before + orjson.dumps(json_format.MessageToDict(task))
        before = b","
    rest = query_pb2.ListTasksResponse(revision=page.revision, next_page_token=page.next_page_token)
    end = orjson.dumps(json_format.MessageToDict(rest))
    if before == b",":
        yield b"]" + (b"," + end[1:] if len(end) > len(b"{}") else b"}")
    else:
        yield end
