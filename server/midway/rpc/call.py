"""One call under way, by whichever door it came, and the layers around it.

A layer is a coroutine that goes on to what is inside it: observe, map errors, drain, authenticate. The same layers
stand around the RPCs and around the calls over plain HTTP.
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

# What a client sends beside the request, names in lower case.
Metadata = Iterable[tuple[str, str | bytes]]


class Refused(Exception):
    """The call has ended with a status; nothing is left to be done but to hand it out."""


@dataclass(slots=True, kw_only=True)
class Call(ABC):
    """One call; each door has a kind of its own."""

    method: str  # "/package.Service/Method"
    response: Message | None = None  # None where the server streams, and before the end
    is_stream: bool = False  # a drain interrupts it, and its client resumes
    is_admitted: bool = False  # the caller has shown a key, or needs none
    caller: Caller | None = None  # known once the key was looked at

    @property
    @abstractmethod
    def request(self) -> Message | None:
        """The request; None where the client streams, and where it cannot be read."""

    @property
    @abstractmethod
    def metadata(self) -> Metadata:
        """What the client sent beside the request, names in lower case."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """The other end of the connection: an IP address, or as gRPC writes it."""

    @property
    @abstractmethod
    def code(self) -> grpc.StatusCode:
        """The code that the call ended with."""

    @abstractmethod
    async def receive(self) -> None:
        """Have the request, once. Raises InvalidField and Exhausted."""

    @abstractmethod
    async def refuse(self, status: status_pb2.Status) -> None:
        """End the call with this status. Raises Refused, or what grpc.aio raises instead; always."""


# Runs what is inside a layer: the next one, in the end the handler.
Proceed = Callable[[Call], Awaitable[None]]


class Layer(Protocol):
    """Wraps what is inside it; called once for each call."""

    def __call__(self, call: Call, proceed: Proceed) -> Awaitable[None]:
        """Do what is to be done around `proceed(call)`."""


def nested(layers: Sequence[Layer], handle: Proceed) -> Proceed:
    """Put the layers around a handler, the first one outermost: it sees what an inner one refuses."""
    for layer in reversed(layers):
        handle = partial(layer, proceed=handle)
    return handle
