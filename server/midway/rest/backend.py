"""The server's plain HTTP, behind Envoy: pictures, events, and the reads of the old API.

Which paths these are follows from the contract: those of pictures and lists of Tasks, the two watches, and every RPC of
the old API that answers with an HttpBody. `envoy.yaml` leads the same paths here, and transcodes everything else.
"""

import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

from aiohttp import hdrs, web
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from midjourney.legacy.v1 import legacy_service_pb2
from midjourney.v1 import midjourney_service_pb2

from midway.domain.errors import InvalidField
from midway.engine.engine import Engine
from midway.rest.call import JSON, HttpCall, error
from midway.rest.events import Events
from midway.rest.lists import Lists
from midway.rest.picture_files import Pictures
from midway.rest.reading import add_body, bindings, message_from
from midway.rpc.call import Refused, nested
from midway.rpc.layers import Layers
from midway.rpc.legacy.reads import LegacyReads, Pieces
from midway.rpc.listing import Listing
from midway.rpc.messages import RequestLimits, Takes
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.task_images import TaskImages

TASKS = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]
LEGACY = legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"]
BACKLOG = 1024  # connections that wait to be taken
UNSENT_BYTES = 128 * 1024  # that wait in the kernel for a connection; more gains nothing on the way to Envoy
LONGEST_LINE = 64 * 1024  # of a request's head; Envoy takes 60 KiB
WHOLE_BYTES = 64 * 1024  # JSON that is sent in one piece
SHORTEST_GRACE = 0.01  # seconds; aiohttp takes 0 for no end
ONLY_THIS_MACHINE = "without API keys only this machine may call"

Answer: TypeAlias = Callable[[HttpCall, Any], Awaitable[web.StreamResponse]]

_FOREIGN_SITES = frozenset({"cross-site", "same-site"})  # another port of this machine is the same site
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE | re.ASCII)


class RestBackend:
    """The server's door for Envoy's plain HTTP. Build it inside the running event loop."""

    def __init__(
        self, engine: Engine, images: TaskImages, options: ServerOptions, layers: Layers, links: PictureLinks
    ) -> None:
        self.port = 0  # known once it is started
        self._options = options
        self._layers = layers.of_a_door()
        self._limits = RequestLimits(pictures=engine.pictures.max_count, ids=options.max_listed_tasks)
        self._events = Events(engine, links, options.heartbeat)
        self._pictures = Pictures(images)
        self._lists = Lists(Listing(engine, links, options.max_page_bytes))
        self._legacy = LegacyReads(engine, links, options.task_timeout, options.max_listed_tasks)
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

    def _answers(self) -> Iterator[tuple[MethodDescriptor, bool, Answer]]:
        """Give each RPC that is answered here: whether it streams, and by what."""
        yield TASKS.methods_by_name["GetTaskImage"], False, self._pictures.show
        yield TASKS.methods_by_name["DownloadTaskImage"], False, self._pictures.save
        yield TASKS.methods_by_name["ListTasks"], False, self._lists.send
        yield TASKS.methods_by_name["WatchTask"], True, self._events.watch_task
        yield TASKS.methods_by_name["WatchTasks"], True, self._events.watch_tasks
        for method in raw_methods(LEGACY):
            yield method, False, _reading(getattr(self._legacy, method.name))

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=self._options.max_query_bytes)
        app.on_response_prepare.append(_without_version)
        for method, is_stream, answer in self._answers():
            handler = self._handler(method, is_stream, answer)
            for verb, path in bindings(method):
                app.router.add_route(verb, path, handler)
                if verb == hdrs.METH_GET and not is_stream:
                    app.router.add_route(hdrs.METH_HEAD, path, handler)
        app.router.add_route("*", "/{path:.*}", _nothing_here)
        return app

    def _handler(
        self, method: MethodDescriptor, is_stream: bool, answer: Answer
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
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


def raw_methods(service: ServiceDescriptor) -> list[MethodDescriptor]:
    """List a service's RPCs that answer with an HttpBody."""
    return [method for method in service.methods if method.output_type.full_name == HttpBody.DESCRIPTOR.full_name]


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


def _reading(read: Callable[[Any], Awaitable[Pieces]]) -> Answer:
    """Answer with a read of the old API, whatever its length: the next piece waits for the client."""

    async def answer(call: HttpCall, request: Message) -> web.StreamResponse:
        if call.http.method == hdrs.METH_POST:  # elsewhere a body could say what the path says
            add_body(request, await _body(call.http))
        pieces = await read(request)
        size = sum(map(len, pieces))
        if size <= WHOLE_BYTES or call.http.method == hdrs.METH_HEAD:
            return web.Response(body=b"".join(pieces), content_type=JSON)
        answer = web.StreamResponse(headers={hdrs.CONTENT_TYPE: JSON})
        answer.content_length = size
        await call.begin(answer)
        for piece in pieces:
            await answer.write(piece)
        return answer

    return answer


async def _body(http: web.Request) -> bytes:
    try:
        return await http.read()
    except web.HTTPRequestEntityTooLarge as err:
        raise InvalidField("body", "is too large") from err
    except web.RequestPayloadError as err:
        raise InvalidField("body", "cannot be unpacked") from err


async def _nothing_here(_: web.Request) -> web.Response:
    return error(404, status_pb2.Status(code=code_pb2.NOT_FOUND, message="there is nothing at this path"))


async def _without_version(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Tell strangers nothing of what runs here."""
    answer.headers.pop(hdrs.SERVER, None)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    # Else the kernel takes some megabytes of a file ahead of each slow reader. Connections inherit it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening
