"""Which paths the server answers over plain HTTP, and by what: those of RPCs, as the contract has them.

`envoy.yaml` routes the same paths here, and transcodes everything else. Another page is a route in `Routes.add_to`, and
one in `envoy.yaml`.
"""

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
from midway.rest.reading import add_body, bindings
from midway.rpc.legacy.reads import LegacyReads, Pieces
from midway.rpc.listing import Listing
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.task_images import TaskImages

TASKS = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]
LEGACY = legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"]
WHOLE_BYTES = 64 * 1024  # JSON up to this size is sent in one piece

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer: TypeAlias = Callable[[HttpCall, Any], Awaitable[web.StreamResponse]]
# Makes the handler of an RPC, with the layers around it; the flag tells whether it streams.
MakeHandler: TypeAlias = Callable[[MethodDescriptor, bool, Answer], Handler]


class Routes:
    """Pictures, lists of Tasks, the two watches, and every RPC of the old API that answers with an HttpBody."""

    def __init__(self, engine: Engine, images: TaskImages, options: ServerOptions, links: PictureLinks) -> None:
        self._events = Events(engine, links, options.heartbeat)
        self._pictures = Pictures(images)
        self._lists = Lists(Listing(engine, links, options.max_page_bytes))
        self._legacy = LegacyReads(engine, links, options.task_timeout, options.max_listed_tasks)

    def add_to(self, app: web.Application, handler_of: MakeHandler) -> None:
        """Add every path that is answered, and the answer to all others."""
        for method, is_stream, answer in self._answers():
            handler = handler_of(method, is_stream, answer)
            for verb, path in bindings(method):
                app.router.add_route(verb, path, handler)
                if verb == hdrs.METH_GET and not is_stream:
                    app.router.add_route(hdrs.METH_HEAD, path, handler)
        app.router.add_route("*", "/{path:.*}", _nothing_here)

    def _answers(self) -> Iterator[tuple[MethodDescriptor, bool, Answer]]:
        """Give each RPC that is answered here: whether it streams, and by what."""
        yield TASKS.methods_by_name["GetTaskImage"], False, self._pictures.show
        yield TASKS.methods_by_name["DownloadTaskImage"], False, self._pictures.save
        yield TASKS.methods_by_name["ListTasks"], False, self._lists.send
        yield TASKS.methods_by_name["WatchTask"], True, self._events.watch_task
        yield TASKS.methods_by_name["WatchTasks"], True, self._events.watch_tasks
        for method in raw_methods(LEGACY):
            yield method, False, _reading(getattr(self._legacy, method.name))


def raw_methods(service: ServiceDescriptor) -> list[MethodDescriptor]:
    """List a service's RPCs that answer with an HttpBody."""
    return [method for method in service.methods if method.output_type.full_name == HttpBody.DESCRIPTOR.full_name]


def _reading(read: Callable[[Any], Awaitable[Pieces]]) -> Answer:
    """Return the handler for a read of the old API; a long answer is sent piece by piece, as the client reads."""

    async def answer(call: HttpCall, request: Message) -> web.StreamResponse:
        if call.http.method == hdrs.METH_POST:  # with GET, a body could override the path
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
        raise InvalidField("body", "cannot be decompressed") from err


async def _nothing_here(_: web.Request) -> web.Response:
    return error(404, status_pb2.Status(code=code_pb2.NOT_FOUND, message="there is nothing at this path"))
