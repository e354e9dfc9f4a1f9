"""One call in progress, over gRPC or plain HTTP, and the layers around it.

A layer is middleware: a coroutine that awaits the next layer, in the end the handler. The layers observe, map errors,
drain and authenticate. RPCs and calls over plain HTTP go through the same ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from midway.rpc.caller import Caller

# gRPC metadata or HTTP headers, names in lower case.
Metadata = Iterable[tuple[str, str | bytes]]


class Refused(Exception):
    """The call was refused; its status is set, and only remains to be sent."""


@dataclass(slots=True, kw_only=True)
class Call(ABC):
    """One call; gRPC and plain HTTP each have their own subclass."""

    method: str  # "/package.Service/Method"
    response: Message | None = None  # None for a server stream, and until the handler returns
    is_stream: bool = False  # a drain interrupts it, and its client resumes elsewhere or later
    is_admitted: bool = False  # the caller has sent a valid key or signature, or needs none
    caller: Caller | None = None  # set by the layer that checks the key

    @property
    @abstractmethod
    def request(self) -> Message | None:
        """The request; None for a client stream, and when it cannot be parsed."""

    @property
    @abstractmethod
    def metadata(self) -> Metadata:
        """The gRPC metadata or HTTP headers, names in lower case."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """The other end of the connection: an IP address, or in gRPC's notation."""

    @property
    @abstractmethod
    def code(self) -> grpc.StatusCode:
        """The code that the call ended with."""

    @abstractmethod
    async def receive(self) -> None:
        """Read the request unless it has been read. Raises InvalidField and Exhausted."""

    @abstractmethod
    async def refuse(self, status: status_pb2.Status) -> None:
        """End the call with this status. Always raises: Refused, or grpc.aio's AbortError."""


# Runs the next layer or, after the last one, the handler.
Proceed = Callable[[Call], Awaitable[None]]


class Layer(Protocol):
    """Wraps the next layer; called once for each call."""

    def __call__(self, call: Call, proceed: Proceed) -> Awaitable[None]:
        """Await `proceed(call)`, with this layer's work before and after it, or refuse the call."""


def nested(layers: Sequence[Layer], handle: Proceed) -> Proceed:
    """Wrap a handler in the layers. The first is the outermost, so it also sees the refusals of the inner ones."""
    for layer in reversed(layers):
        handle = partial(layer, proceed=handle)
    return handle
