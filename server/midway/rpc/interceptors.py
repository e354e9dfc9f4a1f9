"""gRPC's calls, each inside the layers that `layers` describes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import isasyncgenfunction
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from midway.rpc.call import Call, Layer, Metadata, nested
from midway.rpc.errors import abort

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not subscriptable at run time

# Tells from a call's method and metadata whether its request is worth reading.
Admits = Callable[[str, Metadata], bool]


@dataclass(slots=True, kw_only=True)
class GrpcCall(Call):
    """A call that came over gRPC."""

    context: Context
    received: Any = None  # the request, or an iterator of them

    @property
    def request(self) -> Message | None:
        """The request; None where the client streams."""
        return self.received if isinstance(self.received, Message) else None

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the client sent beside the request, names in lower case."""
        return tuple((str(name), value) for name, value in self.context.invocation_metadata() or ())

    @property
    def code(self) -> grpc.StatusCode:
        """The code that the call ended with; grpc.aio gives it as a number, whatever its stubs say."""
        number: object = self.context.code()
        return next((code for code in grpc.StatusCode if number in {code, code.value[0]}), grpc.StatusCode.UNKNOWN)

    async def refuse(self, status: status_pb2.Status) -> None:
        """Abort the call with this status. Raises grpc.aio.AbortError, always."""
        await abort(self.context, status)


_Unary = Callable[[Any, Context], Awaitable[Any]]
_Streaming = Callable[[Any, Context], Awaitable[None] | AsyncIterator[Any]]


class Chain(grpc.GenericRpcHandler):
    """Puts the layers around every handler, the first one outermost. Generated code adds services to it as to a server.

    It stands in the server as the one handler of all methods. An interceptor of grpc.aio's would build its own chain at
    each call; and of each method that is registered by itself, grpc.aio (1.85) keeps a task that waits for a call, and
    goes through all of these tasks at each call.
    """

    def __init__(self, layers: Sequence[Layer], admits: Admits) -> None:
        self._layers = layers
        self._admits = admits
        self._services: list[grpc.GenericRpcHandler] = []
        self._handlers: dict[str, Handler] = {}  # of known methods, with the layers around them

    def add_generic_rpc_handlers(self, handlers: "Iterable[grpc.GenericRpcHandler]") -> None:
        """Add a service."""
        self._services += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Leave it at the generic handlers, which generated code adds as well."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """Return the handler with the layers around it; an unknown method stays unknown."""
        method = handler_call_details.method
        if method not in self._handlers:
            found = (service.service(handler_call_details) for service in self._services)
            handler = next((each for each in found if each is not None), None)
            if handler is None:
                return None
            self._handlers[method] = self._surrounded(handler, method)
        if not self._admits(method, handler_call_details.invocation_metadata or ()):
            # The layers refuse it as any other; but of a stream grpc.aio reads no message before its handler asks.
            return grpc.stream_stream_rpc_method_handler(self._stream(_nothing, method))
        return self._handlers[method]

    def _surrounded(self, handler: Any, method: str) -> "Handler":
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _or_as_it_is(handler.response_serializer),
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream, method), **coders)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method), **coders)
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method), **coders)

    def _unary(self, behaviour: _Unary, method: str) -> _Unary:
        async def handle(call: Any) -> None:
            call.response = await behaviour(call.received, call.context)

        run = nested(self._layers, handle)

        async def surrounded(request: Any, context: Context) -> Any:
            call = GrpcCall(method=method, context=context, received=request)
            await run(call)
            return call.response

        return surrounded

    def _stream(self, behaviour: _Streaming, method: str) -> Any:
        yields = isasyncgenfunction(behaviour)  # the other of grpc.aio's two styles

        async def handle(call: Any) -> None:
            running: Any = behaviour(call.received, call.context)
            await (_written(running, call.context) if yields else running)

        run = nested(self._layers, handle)

        async def surrounded(request: Any, context: Context) -> None:
            await run(GrpcCall(method=method, is_stream=True, context=context, received=request))

        return surrounded


def _or_as_it_is(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Let a handler answer with bytes, too: what many are told is serialized once."""
    return lambda response: response if isinstance(response, bytes) else serialize(response)


async def _nothing(requests: Any, context: Context) -> None:
    """Handle a call that its layers refuse."""


async def _written(messages: AsyncIterator[Any], context: Context) -> None:
    """Write what a handler yields."""
    async for message in messages:
        await context.write(message)
