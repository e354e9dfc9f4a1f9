"""Reads gRPC requests so that the memory they take at a time is bounded.

grpc-core buffers a whole message before it delivers it, and has one size limit for all methods. So the number of
messages that are being read is limited, per caller and in total. A call that waits for its turn takes no more memory
than the flow-control window of its stream (`LOOKAHEAD_BYTES`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import Message

from midway.domain.errors import Exhausted, InvalidField, Reason
from midway.rpc.caller import Caller
from midway.rpc.fair_share import Room
from midway.rpc.messages import SMALL_BYTES, WHOLE, Takes
from midway.rpc.options import ServerOptions
from midway.rpc.time_limit import TimeLimit

LOOKAHEAD_BYTES = 64 * 1024  # that grpc-core buffers of a stream that is not read
PROBE_SECONDS = 1.0  # health checkers send their few bytes with the call; a slower one is answered without its request
_Context = grpc.aio.ServicerContext[Any, Any]
GiveBack = Callable[[], None]


class Receiver:
    """Reads the requests of the gRPC server."""

    def __init__(self, options: ServerOptions) -> None:
        patience = options.call_patience
        self._pictures = Room(
            options.max_picture_requests, options.max_picture_requests_per_caller, patience, _busy_with_pictures
        )
        self._others = Room(options.max_arriving_requests, options.max_arriving_requests_per_caller, patience, _busy)
        of_strangers = options.max_arriving_requests_of_strangers
        self._strangers = Room(of_strangers, of_strangers, patience, _busy)
        # Unauthenticated calls, those that wait included: each takes memory, and anyone can open many.
        self._all_strangers = Room(options.max_concurrent_calls, options.max_running_calls_per_caller, patience, _busy)
        self._probes = Room(of_strangers, of_strangers, patience, _busy)
        self._picture_time = TimeLimit(options.picture_request_timeout.total_seconds())
        self._time = TimeLimit(options.request_timeout.total_seconds())
        self._probe_time = TimeLimit(PROBE_SECONDS)

    async def request(self, context: _Context, takes: Takes, caller: Caller) -> tuple[Message, GiveBack | None]:
        """Read the one request of an authenticated call. If a function comes with it, call it at the end of the call.

        Raises InvalidField and Exhausted.
        """
        room, time = self._others, self._time
        if takes.carries_pictures:
            room, time = self._pictures, self._picture_time
        amount = await room.take(caller)
        give_back: GiveBack | None = partial(room.give_back, caller, amount)
        try:
            data = await _only_message(context, takes, time)
            request = takes.make()
            for _ in takes.parsing(data, request):
                if len(data) > SMALL_BYTES:
                    # grpc's delivery of a message, and each step here, block the event loop for some 10 ms.
                    await asyncio.sleep(0)
            if len(data) <= SMALL_BYTES:
                return request, None
            kept, give_back = give_back, None
            return request, kept
        finally:
            if give_back:
                give_back()

    async def request_of_stranger(self, context: _Context, takes: Takes, caller: Caller) -> Message:
        """Read the one request of an unauthenticated call. Raises InvalidField and Exhausted."""
        if not self._all_strangers.has_place(caller):
            raise _busy()
        async with self._all_strangers.taken(caller), self._strangers.taken(caller):
            return takes.parsed(await _only_message(context, takes, self._time))

    async def probe(self, context: _Context, takes: Takes, caller: Caller) -> Message:
        """Read the request of an unauthenticated health check; an empty one if it does not arrive at once.

        Raises InvalidField.
        """
        if not self._probes.has_place(caller):
            return takes.make()
        async with self._probes.taken(caller):
            try:
                return takes.parsed(await _only_message(context, takes, self._probe_time))
            except Exhausted:
                return takes.make()

    async def requests(self, context: _Context, takes: Takes, caller: Caller) -> AsyncIterator[Message]:
        """Read a stream of requests, which also ends after `request_timeout` without one.

        Raises InvalidField and Exhausted.
        """
        async with self._others.taken(caller):
            while True:
                try:
                    with self._time.wait():
                        data = await context.read()
                except TimeoutError:
                    return
                if data is grpc.aio.EOF:
                    return
                yield takes.parsed(data)


async def _only_message(context: _Context, takes: Takes, time: TimeLimit) -> bytes:
    try:
        with time.wait():
            data: Any = await context.read()
            if data is grpc.aio.EOF:
                raise InvalidField(WHOLE, "is missing: the call has no message")
            if not takes.may_be_followed and await context.read() is not grpc.aio.EOF:
                raise InvalidField(WHOLE, "has more than one message; this method takes one")
    except TimeoutError:
        message = f"the request did not arrive within {time.seconds:g} seconds"
        raise Exhausted(Reason.TOO_MANY_CALLS, message) from None
    assert isinstance(data, bytes)
    return data


def _busy() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "too many requests are arriving at this server at a time")


def _busy_with_pictures() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "too many requests with pictures are in progress on this server")
