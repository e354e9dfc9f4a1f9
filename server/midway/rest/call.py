"""A call over HTTP, and the responses to refused ones."""

from dataclasses import dataclass

import grpc
import orjson
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from midway.domain.errors import InvalidField
from midway.rpc.call import Call, Metadata, Refused

# The same mapping as in Envoy's transcoder.
HTTP_STATUS: dict[int, int] = {
    code_pb2.CANCELLED: 499,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.UNAUTHENTICATED: 401,
}
# Transient errors. An EventSource gives up on an error status, but reconnects after a stream that ends.
PASSING = frozenset({code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED})
TRY_AGAIN = b"retry: 2000\n\n"  # milliseconds; about the time of a restart
EVENT_STREAM = "text/event-stream"
JSON = "application/json"


@dataclass(slots=True, kw_only=True)
class HttpCall(Call):
    """A call over HTTP."""

    http: web.Request
    parsed: Message | InvalidField  # the request from path and query, or what is wrong with it
    answer: web.StreamResponse | None = None  # set once it has begun
    status: status_pb2.Status | None = None  # of a refusal

    @property
    def request(self) -> Message | None:
        """The request; None if it cannot be parsed."""
        return self.parsed if isinstance(self.parsed, Message) else None

    @property
    def metadata(self) -> Metadata:
        """The headers, names in lower case."""
        return ((name.lower(), value) for name, value in self.http.headers.items())

    @property
    def peer(self) -> str:
        """The other end of the connection, an IP address."""
        return self.http.remote or ""

    @property
    def code(self) -> grpc.StatusCode:
        """The code that the call ended with."""
        number = self.status.code if self.status else 0
        return next(code for code in grpc.StatusCode if code.value[0] == number)

    async def receive(self) -> None:
        """Do nothing: path and query are parsed already; a method with a body reads it itself."""

    async def refuse(self, status: status_pb2.Status) -> None:
        """End the call with this status. Always raises Refused."""
        self.status = status
        raise Refused

    async def begin(self, answer: web.StreamResponse) -> None:
        """Send the headers of an answer; after that, a refusal can only abort it."""
        await answer.prepare(self.http)
        self.answer = answer

    def refusal(self) -> web.StreamResponse:
        """Return the response to a refused call.

        An event stream that has begun just ends; a file that has begun is cut off, so that it never looks complete.
        """
        status = self.status or status_pb2.Status(code=code_pb2.INTERNAL)
        if self.answer is not None:
            if not self.is_stream and self.http.transport is not None:
                self.http.transport.abort()
            return self.answer
        if self.is_stream and status.code in PASSING:
            return web.Response(body=TRY_AGAIN, content_type=EVENT_STREAM, headers={"Cache-Control": "no-cache"})
        return error(HTTP_STATUS.get(status.code, 500), status)


def error(http_status: int, status: status_pb2.Status) -> web.Response:
    """Return an error as JSON, as Envoy's transcoder does."""
    body = orjson.dumps(json_format.MessageToDict(status))
    return web.Response(body=body, status=http_status, content_type=JSON)
