"""What happens around every call, in one chain: observe, map errors, drain, authenticate.

A layer is a coroutine that goes on to what is inside it; the chain nests them in order, for unary and streaming calls
alike, once for each method.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import isasyncgenfunction
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import Message

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not subscriptable at run time

# What a client sends beside the request, names in lower case.
Metadata = Iterable[tuple[str, str | bytes]]


@dataclass(slots=True)
class Call:
    """One call under way. `response` is None where the server streams."""

    method: str  # "/package.Service/Method"
    context: Context
    received: Any = None  # the request, or an iterator of them
    response: Message | None = None
    is_stream: bool = False
    is_admitted: bool = False  # set once the caller has shown a key, or needs none

    @property
    def request(self) -> Message | None:
        """The request; None where the client streams."""
        return self.received if isinstance(self.received, Message) else None

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the client sent beside the request, names in lower case."""
        return tuple((str(name), value) for name, value in self.context.invocation_metadata() or ())


# Tells from a call's method and metadata whether its request is worth reading.
Admits = Callable[[str, Metadata], bool]
# Runs what is inside a layer: the next one, in the end the handler.
Proceed = Callable[[Call], Awaitable[None]]


class Layer(Protocol):
    """Wraps what is inside it; called once for each call."""

    def __call__(self, call: Call, proceed: Proceed) -> Awaitable[None]:
        """Do what is to be done around `proceed(call)`."""


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
        async def handle(call: Call) -> None:
            call.response = await behaviour(call.received, call.context)

        run = self._nested(handle)

        async def surrounded(request: Any, context: Context) -> Any:
            call = Call(method, context, request)
            await run(call)
            return call.response

        return surrounded

    def _stream(self, behaviour: _Streaming, method: str) -> Any:
        yields = isasyncgenfunction(behaviour)  # the other of grpc.aio's two styles

        async def handle(call: Call) -> None:
            running: Any = behaviour(call.received, call.context)
            await (_written(running, call.context) if yields else running)

        run = self._nested(handle)

        async def surrounded(request: Any, context: Context) -> None:
            await run(Call(method, context, request, is_stream=True))

        return surrounded

    def _nested(self, handle: Proceed) -> Proceed:
        """Put the layers around a handler, the first one outermost: it sees what an inner one refuses."""
        for layer in reversed(self._layers):
            handle = partial(layer, proceed=handle)
        return handle


def _or_as_it_is(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Let a handler answer with bytes, too: what many are told is serialized once."""
    return lambda response: response if isinstance(response, bytes) else serialize(response)


async def _nothing(requests: Any, context: Context) -> None:
    """Handle a call that its layers refuse."""


async def _written(messages: AsyncIterator[Any], context: Context) -> None:
    """Write what a handler yields."""
    async for message in messages:
        await context.write(message)
