"""What happens around every call, in one chain: observe, map errors, drain, authenticate.

A layer is a context manager around the handler; the chain enters them in order, for unary and streaming calls alike.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not subscriptable at run time

# What a client sends beside the request, names in lower case.
Metadata = Iterable[tuple[str, str | bytes]]


@dataclass(slots=True)
class Call:
    """One call under way. `request` is None where the client streams, `response` where the server does."""

    method: str  # "/package.Service/Method"
    context: Context
    request: Message | None = None
    response: Message | None = None
    is_stream: bool = False
    is_admitted: bool = False  # set once the caller has shown a key, or needs none

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the client sent beside the request, names in lower case."""
        return tuple((str(name), value) for name, value in self.context.invocation_metadata() or ())


# Tells from a call's method and metadata whether its request is worth reading.
Admits = Callable[[str, Metadata], bool]
Layer = Callable[[Call], AbstractAsyncContextManager[None]]
_Unary = Callable[[Any, Context], Awaitable[Any]]
_Streaming = Callable[[Any, Context], Awaitable[None] | AsyncIterator[Any]]


class Chain(grpc.aio.ServerInterceptor):
    """Puts the layers around every handler, the first one outermost."""

    def __init__(self, layers: Sequence[Layer], admits: Admits) -> None:
        self._layers = layers
        self._admits = admits

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the handler with the layers around it; an unknown method stays unknown."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        if not self._admits(method, handler_call_details.invocation_metadata or ()):
            # The layers refuse it as any other; but of a stream grpc.aio reads no message before its handler asks.
            return grpc.stream_stream_rpc_method_handler(self._stream(_nothing, method))
        return self._surrounded(handler, method)

    def _surrounded(self, handler: Any, method: str) -> "Handler":
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream, method), **coders)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method), **coders)
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method), **coders)

    def _unary(self, behaviour: _Unary, method: str) -> _Unary:
        async def surrounded(request: Any, context: Context) -> Any:
            call = Call(method, context, request)
            async with self._entered(call):
                call.response = await behaviour(request, context)
            return call.response

        return surrounded

    def _stream(self, behaviour: _Streaming, method: str) -> Any:
        async def surrounded(request: Any, context: Context) -> None:
            call = Call(method, context, request if isinstance(request, Message) else None, is_stream=True)
            async with self._entered(call):
                await _run_stream(behaviour(request, context), context)

        return surrounded

    @asynccontextmanager
    async def _entered(self, call: Call) -> AsyncIterator[None]:
        # An inner layer that refuses is seen by the outer ones, as these have been entered already.
        async with AsyncExitStack() as entered:
            for layer in self._layers:
                await entered.enter_async_context(layer(call))
            yield


async def _nothing(requests: Any, context: Context) -> None:
    """Handle a call that its layers refuse."""


async def _run_stream(running: Awaitable[None] | AsyncIterator[Any], context: Context) -> None:
    """Run a streaming handler to its end, whichever of grpc.aio's two styles it has."""
    if isinstance(running, AsyncIterator):
        async for message in running:
            await context.write(message)
    else:
        await running
