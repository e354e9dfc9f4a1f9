"""The server's plain HTTP, behind Envoy: pictures, events, and the reads of the old API; see `routes`."""

import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from midway.domain.errors import InvalidField
from midway.engine.engine import Engine
from midway.rest.call import HttpCall, error
from midway.rest.reading import message_from
from midway.rest.routes import Answer, Handler, Routes
from midway.rpc.call import Refused, nested
from midway.rpc.layers import Layers
from midway.rpc.messages import RequestLimits, Takes
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.task_images import TaskImages

BACKLOG = 1024  # connections that wait to be accepted
UNSENT_BYTES = 128 * 1024  # unsent bytes in the kernel per connection; more would not speed up the way to Envoy
LONGEST_LINE = 64 * 1024  # bytes in a line of the request's head; Envoy accepts 60 KiB of headers
SHORTEST_GRACE = 0.01  # seconds; aiohttp takes 0 for no limit
ONLY_THIS_MACHINE = "without API keys only this machine may call"

_FOREIGN_SITES = frozenset({"cross-site", "same-site"})  # another port of this machine is the same site
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE | re.ASCII)


class RestServer:
    """The HTTP server behind Envoy. Build it inside the running event loop."""

    def __init__(
        self, engine: Engine, images: TaskImages, options: ServerOptions, layers: Layers, links: PictureLinks
    ) -> None:
        self.port = 0  # set by `start`
        self._options = options
        self._layers = layers.of_a_door()
        self._limits = RequestLimits(pictures=engine.pictures.max_count, ids=options.max_listed_tasks)
        self._routes = Routes(engine, images, options, links)
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            handler_cancellation=True,  # a disconnected client's resources are released at once
            # Halved, as aiohttp waits this long twice: before and after it cancels the handlers.
            shutdown_timeout=max(options.shutdown_grace.total_seconds() / 2, SHORTEST_GRACE),
            # Applies to the first request, too. Envoy closes idle connections after half of this time.
            keepalive_timeout=options.silence.total_seconds(),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        listening = _listening(self._options.rest_host, self._options.rest_port)
        await web.SockSite(self._runner, listening, backlog=BACKLOG).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Accept no more calls, and wait up to `shutdown_grace` for the others. Begin the layers' drain first."""
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=self._options.max_query_bytes)
        app.on_response_prepare.append(_without_version)
        self._routes.add_to(app, self._handler)
        return app

    def _handler(self, method: MethodDescriptor, is_stream: bool, answer: Answer) -> Handler:
        name = f"/{method.containing_service.full_name}/{method.name}"
        run = nested(self._layers, _answering(answer, Takes(name, self._limits)))

        async def handle(http: web.Request) -> web.StreamResponse:
            if not self._options.api_keys and not is_from_this_machine(http):
                return error(403, status_pb2.Status(code=code_pb2.PERMISSION_DENIED, message=ONLY_THIS_MACHINE))
            call = HttpCall(method=name, http=http, parsed=message_from(http, method), is_stream=is_stream)
            try:
                await run(call)
            except Refused:
                return call.refusal()
            return call.answer or call.refusal()

        return handle


def is_from_this_machine(http: web.Request) -> bool:
    """Tell whether a call is for a loopback address and not from a foreign web page; the same check as `guard.lua`."""
    if http.headers.get("Sec-Fetch-Site") in _FOREIGN_SITES:  # an <img> request has no Origin header
        return False
    pages = (re.sub(r"^https?://", "", origin, count=1) for origin in http.headers.getall(hdrs.ORIGIN, ()))
    return all(_LOOPBACK.fullmatch(place) for place in (http.host, *pages))


def _answering(answer: Answer, takes: Takes) -> Callable[[Any], Awaitable[None]]:
    """Make the handler inside the layers: nothing is read or looked up before they have let the call pass."""

    async def handle(call: HttpCall) -> None:
        if isinstance(call.parsed, InvalidField):
            raise call.parsed
        takes.check_lists(call.parsed)
        try:
            call.answer = await answer(call, call.parsed)
        except ConnectionError:  # the client disconnected
            await call.refuse(status_pb2.Status(code=code_pb2.CANCELLED))

    return handle


async def _without_version(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Remove the Server header, which reveals the software and its version."""
    answer.headers.pop(hdrs.SERVER, None)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    # Otherwise the kernel buffers megabytes of a file for each slow reader. Connections inherit the option.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening
