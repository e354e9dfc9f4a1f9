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

BACKLOG = 1024  # connections that wait to be taken
UNSENT_BYTES = 128 * 1024  # that wait in the kernel for a connection; more gains nothing on the way to Envoy
LONGEST_LINE = 64 * 1024  # of a request's head; Envoy takes 60 KiB
SHORTEST_GRACE = 0.01  # seconds; aiohttp takes 0 for no end
ONLY_THIS_MACHINE = "without API keys only this machine may call"

_FOREIGN_SITES = frozenset({"cross-site", "same-site"})  # another port of this machine is the same site
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE | re.ASCII)


class RestServer:
    """The server's door for Envoy's plain HTTP. Build it inside the running event loop."""

    def __init__(
        self, engine: Engine, images: TaskImages, options: ServerOptions, layers: Layers, links: PictureLinks
    ) -> None:
        self.port = 0  # known once it is started
        self._options = options
        self._layers = layers.of_a_door()
        self._limits = RequestLimits(pictures=engine.pictures.max_count, ids=options.max_listed_tasks)
        self._routes = Routes(engine, images, options, links)
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            handler_cancellation=True,  # whoever hangs up frees what was held for him
            # aiohttp waits as long again after it has asked handlers to end.
            shutdown_timeout=max(options.shutdown_grace.total_seconds() / 2, SHORTEST_GRACE),
            # For the first head as for the next one; Envoy keeps an idle connection for half of it.
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
        """Let nobody in, and wait for calls as long as the options say. The layers' drain has begun before."""
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
    """Tell whether a call names a loopback address and comes from no foreign page; `guard.lua` asks the same."""
    if http.headers.get("Sec-Fetch-Site") in _FOREIGN_SITES:  # a picture in a page names no Origin
        return False
    pages = (re.sub(r"^https?://", "", origin, count=1) for origin in http.headers.getall(hdrs.ORIGIN, ()))
    return all(_LOOPBACK.fullmatch(place) for place in (http.host, *pages))


def _answering(answer: Answer, takes: Takes) -> Callable[[Any], Awaitable[None]]:
    """Make what the layers stand around: nothing is read of a call, and nothing looked up, before they let it pass."""

    async def handle(call: HttpCall) -> None:
        if isinstance(call.parsed, InvalidField):
            raise call.parsed
        takes.check_lists(call.parsed)
        try:
            call.answer = await answer(call, call.parsed)
        except ConnectionError:  # the client hung up
            await call.refuse(status_pb2.Status(code=code_pb2.CANCELLED))

    return handle


async def _without_version(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Tell strangers nothing of what runs here."""
    answer.headers.pop(hdrs.SERVER, None)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    # Else the kernel takes some megabytes of a file ahead of each slow reader. Connections inherit it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening
