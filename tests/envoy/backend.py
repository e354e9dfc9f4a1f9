"""A small REST backend behind Envoy that shows what arrives there; the real one has its own suites."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET, create_server
from typing import Any

import grpc
from aiohttp import web
from aiohttp.typedefs import Handler
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from midway.rest.call import HTTP_STATUS

from tests.envoy.servicers import not_found_status

REACHED = {"X-Reached": "rest backend"}  # on each of its answers
PICTURE = b"\x89PNG" * 1000
PIECE = b"A" * 64 * 1024
LARGE = 64 * 1024 * 1024  # bytes of the film `large`
KERNELS_SHARE = 128 * 1024  # bytes that the kernel keeps for a socket; by itself it would keep millions
CODES = {code.name.lower(): code for code in grpc.StatusCode}


def seen(http: web.Request, body: str = "") -> dict[str, Any]:
    """Show a request."""
    headers = {name.lower(): value for name, value in http.headers.items()}
    return {"method": http.method, "path": http.raw_path, "headers": headers, "body": body}


class EchoBackend:
    """Answers with what it was sent. A Task's id may ask for something else: the name of a gRPC code for that error."""

    def __init__(self, directory: Path) -> None:
        self.port = 0
        self.go_on = asyncio.Event()  # watches may send their second event
        self.left = asyncio.Event()  # somebody hung up before the answer's end
        self.asked: dict[str, Any] = {}  # the last request
        self.written: Counter[str] = Counter()  # bytes of `large`, by reader
        self._picture = directory / "picture.png"
        self._picture.write_bytes(PICTURE)

    def app(self) -> web.Application:
        """Make the application."""
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._notice_who_leaves])
        app.on_response_prepare.append(self._mark)
        app.router.add_get("/v1/tasks:watch", self._watch, allow_head=False)
        app.router.add_get("/v1/tasks/{id}:watch", self._watch, allow_head=False)
        app.router.add_get("/v1/tasks/{id}/image", self._image)
        app.router.add_route("*", "/{path:.*}", self._echo)
        return app

    @web.middleware
    async def _notice_who_leaves(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise

    async def _mark(self, http: web.Request, answer: web.StreamResponse) -> None:
        self.asked = seen(http)
        answer.headers.update(REACHED)

    async def _echo(self, http: web.Request) -> web.Response:
        body = await http.text()
        for part in http.path.split("/"):
            if part in CODES:
                return refusal(CODES[part])
        return web.json_response(seen(http, body))

    async def _image(self, http: web.Request) -> web.StreamResponse:
        wanted = http.match_info["id"]
        if wanted in CODES:
            return refusal(CODES[wanted])
        if wanted == "large":
            return await self._large(http, LARGE)
        if wanted == "broken":
            answer = await self._large(http, LARGE // 64)
            hang_up(http)
            return answer
        disposition = {"Content-Disposition": 'inline; filename="17.png"', "Cache-Control": "private, max-age=60"}
        return web.FileResponse(self._picture, headers=disposition)

    async def _large(self, http: web.Request, size: int) -> web.StreamResponse:
        """Announce a film and send so much of it, as fast as it is taken."""
        answer = web.StreamResponse(headers={"Content-Length": str(LARGE), "Content-Type": "video/mp4"})
        await answer.prepare(http)
        for _ in range(size // len(PIECE)):
            await answer.write(PIECE)
            self.written[http.query.get("reader", "")] += len(PIECE)
        return answer

    async def _watch(self, http: web.Request) -> web.StreamResponse:
        """Show the request as an event, wait for the test's word, send a second event."""
        wanted = http.match_info.get("id", "")
        if wanted in CODES:
            return refusal(CODES[wanted])
        if wanted == "ended":
            return web.Response(status=204)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await answer.prepare(http)
        await answer.write(event(1, seen(http)))
        await self.go_on.wait()
        if wanted == "dying":
            hang_up(http)
        else:
            await answer.write(event(2, {}))
        return answer


def event(number: int, data: dict[str, Any]) -> bytes:
    """Write an event as the server does."""
    return b"id: %d\ndata: %b\n\n" % (number, json.dumps(data).encode())


def refusal(code: grpc.StatusCode) -> web.Response:
    """Write an error as the server does: the JSON of its status, as short as can be."""
    number: int = code.value[0]
    status = Status(code=number) if code is grpc.StatusCode.UNIMPLEMENTED else not_found_status(code)
    text = json.dumps(json_format.MessageToDict(status), ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text, status=HTTP_STATUS.get(number, 500), content_type="application/json")


def hang_up(http: web.Request) -> None:
    """Close the connection in the middle of an answer, behind what has been written."""
    assert http.transport is not None
    http.transport.close()


@asynccontextmanager
async def small_backend(directory: Path, port: int = 0) -> AsyncIterator[EchoBackend]:
    """Serve the echo backend, on a port that a test holds or on a free one."""
    backend = EchoBackend(directory)
    # aiohttp takes 0 for no end.
    runner = web.AppRunner(backend.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
    await runner.setup()
    try:
        listening = create_server(("127.0.0.1", port), reuse_port=port != 0)
        listening.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNELS_SHARE)  # its connections inherit this
        backend.port = listening.getsockname()[1]
        await web.SockSite(runner, listening).start()
        yield backend
    finally:
        await runner.cleanup()
