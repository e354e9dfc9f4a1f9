"""Wraps every gRPC handler in the layers of `layers`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isasyncgenfunction
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from midway.domain.errors import Reason, Unsupported
from midway.rpc.access import HEALTH_CHECK
from midway.rpc.call import Call, Layer, Refused, nested
from midway.rpc.errors import abort, status_from
from midway.rpc.listener import ClientGone
from midway.rpc.messages import RequestLimits, Takes
from midway.rpc.receiving import GiveBack, Receiver

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not subscriptable at run time

# Reads the request of a call.
Receive = Callable[["GrpcCall"], Awaitable[Message]]


@dataclass(slots=True, kw_only=True)
class GrpcCall(Call):
    """A call that came over gRPC."""

    context: Context
    received: Any = None  # the request once it has been read, or an iterator of requests
    reads: Receive | None = None  # reads the request; None once it has been read
    give_back: GiveBack | None = None  # releases at the end of the call what the request holds

    @property
    def request(self) -> Message | None:
        """The request; None for a client stream, and before it has been read."""
        return self.received if isinstance(self.received, Message) else None

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The metadata, names in lower case."""
        return tuple((str(name), value) for name, value in self.context.invocation_metadata() or ())

    @property
    def peer(self) -> str:
        """The other end of the connection, in gRPC's notation."""
        return self.context.peer()

    @property
    def code(self) -> grpc.StatusCode:
        """The code that the call ended with. grpc.aio returns it as a number, contrary to its stubs."""
        number: object = self.context.code()
        return next((code for code in grpc.StatusCode if number in {code, code.value[0]}), grpc.StatusCode.UNKNOWN)

    async def receive(self) -> None:
        """Read the request unless it has been read or the client streams. Raises InvalidField and Exhausted."""
        if self.reads is not None:
            reads, self.reads = self.reads, None
            self.received = await reads(self)

    async def refuse(self, status: status_pb2.Status) -> None:
        """Abort the call with this status. Raises grpc.aio.AbortError, or Refused if the client is gone."""
        try:
            await abort(self.context, status)
        except ClientGone:
            raise Refused from None


_Handle = Callable[[Any], Awaitable[None]]


class Chain(grpc.GenericRpcHandler):
    """Wraps every handler in the layers, the first one outermost. Generated code adds services to it as to a server.

    It is a generic handler for all methods and not a grpc.aio interceptor, since grpc.aio would rebuild the chain at
    each call. Every method is declared as a client stream, so that grpc.aio reads no message by itself: the request is
    read within the layers, after the key has been checked.
    """

    def __init__(self, layers: Sequence[Layer], receiver: Receiver, limits: RequestLimits) -> None:
        self._layers = layers
        self._receiver = receiver
        self._limits = limits
        self._handlers: dict[str, Handler] = {}  # already wrapped in the layers
        self._unknown: Handler = grpc.stream_stream_rpc_method_handler(refuse_unknown)

    @property
    def methods(self) -> list[str]:
        """The methods of all services, as "/package.Service/Method"."""
        return list(self._handlers)

    def add_generic_rpc_handlers(self, handlers: "Iterable[grpc.GenericRpcHandler]") -> None:
        """Do nothing: generated code also adds the same handlers with `add_registered_method_handlers`."""

    def add_registered_method_handlers(self, service: str, handlers: "Mapping[str, Handler]") -> None:
        """Add a service."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            self._handlers[method] = self._wrapped(handler, method)

    def add_bare(self, method: str, handler: "Handler") -> None:
        """Add a method without the layers; it authenticates its callers itself."""
        self._handlers[method] = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler":
        """Return the wrapped handler; for an unknown method, one that answers UNIMPLEMENTED."""
        return self._handlers.get(handler_call_details.method, self._unknown)

    def _wrapped(self, handler: Any, method: str) -> "Handler":
        takes = Takes(method, self._limits)
        to_bytes = _bytes_or_serialized(handler.response_serializer)
        if handler.stream_stream:
            streams = self._streaming(handler.stream_stream, method, takes)
            return grpc.stream_stream_rpc_method_handler(streams, response_serializer=to_bytes)
        if handler.unary_stream:
            streams = self._streaming(handler.unary_stream, method, takes, one_request=True)
            return grpc.stream_stream_rpc_method_handler(streams, response_serializer=to_bytes)
        return grpc.stream_unary_rpc_method_handler(
            self._unary(handler.unary_unary, method, takes), response_serializer=to_bytes
        )

    def _unary(self, behaviour: Callable[[Any, Context], Awaitable[Any]], method: str, takes: Takes) -> Any:
        async def handle(call: Any) -> None:
            await call.receive()
            call.response = await behaviour(call.received, call.context)

        run, reads = nested(self._layers, handle), self._reading(method, takes)

        async def surrounded(_: object, context: Context) -> Any:
            call = GrpcCall(method=method, context=context, reads=reads)
            await _run(run, call)
            return call.response

        return surrounded

    def _streaming(self, behaviour: Any, method: str, takes: Takes, *, one_request: bool = False) -> Any:
        yields = isasyncgenfunction(behaviour)  # the other of grpc.aio's two styles

        async def handle(call: Any) -> None:
            await call.receive()
            given = call.received if one_request else self._receiver.requests(call.context, takes, call.caller)
            running: Any = behaviour(given, call.context)
            await (_written(running, call.context) if yields else running)

        run, reads = nested(self._layers, handle), self._reading(method, takes) if one_request else None

        async def surrounded(_: object, context: Context) -> None:
            await _run(run, GrpcCall(method=method, is_stream=True, context=context, reads=reads))

        return surrounded

    def _reading(self, method: str, takes: Takes) -> Receive:
        receiver = self._receiver

        async def read(call: Any) -> Message:
            if call.is_admitted:
                request, call.give_back = await receiver.request(call.context, takes, call.caller)
                return request
            if method == HEALTH_CHECK:
                return await receiver.probe(call.context, takes, call.caller)
            return await receiver.request_of_stranger(call.context, takes, call.caller)

        return read


async def _run(run: _Handle, call: GrpcCall) -> None:
    try:
        await run(call)
    except Refused:
        pass  # the status has been sent
    finally:
        call.received = None  # may be large, and would live until the garbage collector frees a refused call
        if call.give_back:
            call.give_back()


def _bytes_or_serialized(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Let a handler also return bytes: a response that goes to many clients is serialized once."""
    return lambda response: response if isinstance(response, bytes) else serialize(response)


async def refuse_unknown(_: object, context: Context) -> None:
    """Refuse an unknown method; no message of the call is read."""
    await abort(context, status_from(Unsupported(Reason.NOT_IMPLEMENTED, "this server has no such method")))


async def _written(messages: AsyncIterator[Any], context: Context) -> None:
    """Write what a handler yields."""
    async for message in messages:
        await context.write(message)
