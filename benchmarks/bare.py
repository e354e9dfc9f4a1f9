"""The bare part: `python -m benchmarks.bare`, grpc.aio on uvloop and nothing else.

It answers every unary call with the bytes that were set for that method (`/bare/Teach`), and sends the messages it is
given (`/bare/Tell`) to every open WatchTask; requests and answers are never parsed.
"""

import asyncio
from collections import defaultdict
from typing import Any, cast

import grpc
import uvloop

TEACH = "/bare/Teach"  # metadata `method`; the request is what that method answers from now on
TELL = "/bare/Tell"  # metadata `stream-bin`; the request goes to every watch that was opened with those bytes
WATCH = "/midjourney.v1.MidjourneyService/WatchTask"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
SERVING = b"\x08\x01"  # HealthCheckResponse(status=SERVING), for Envoy
Context = grpc.aio.ServicerContext[Any, Any]


class Board:
    """The messages for one kind of stream; an empty message ends the streams."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._changed = asyncio.Event()

    def tell(self, message: bytes) -> None:
        """Add a message and wake every reader."""
        self.messages.append(message)
        self._changed.set()
        self._changed = asyncio.Event()

    async def more_than(self, count: int) -> None:
        """Return when there are more than `count` messages."""
        while len(self.messages) <= count:
            await self._changed.wait()


class Bare(grpc.GenericRpcHandler):
    """Every method of every service."""

    def __init__(self) -> None:
        self.boards: defaultdict[bytes, Board] = defaultdict(Board)
        self.answers = {"/grpc.health.v1.Health/Check": SERVING}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Find the handler of a method; nothing is parsed on either side."""
        method = handler_call_details.method
        if method == WATCH:
            return grpc.unary_stream_rpc_method_handler(self._watch)
        if method == TEACH:
            return grpc.unary_unary_rpc_method_handler(self._teach)
        if method == TELL:
            return grpc.unary_unary_rpc_method_handler(self._tell)
        return grpc.unary_unary_rpc_method_handler(self._answer(method))

    def _answer(self, method: str) -> Any:
        answer = self.answers.get(method, b"")

        async def unary(_request: bytes, _context: Context) -> bytes:
            return answer

        return unary

    async def _watch(self, request: bytes, context: Context) -> None:
        board, seen = self.boards[request], 0
        while True:
            await board.more_than(seen)
            for message in board.messages[seen:]:
                if not message:
                    return
                await context.write(message)
                seen += 1

    async def _teach(self, request: bytes, context: Context) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        self.answers[str(metadata["method"])] = request
        return b""

    async def _tell(self, request: bytes, context: Context) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        self.boards[cast("bytes", metadata["stream-bin"])].tell(request)
        return b""


async def serve(bare: Bare, also: str = "") -> grpc.aio.Server:
    """Serve on a free port, and print which; `also` is printed with it, as NAME=VALUE."""
    server = grpc.aio.server(options=UNLIMITED)
    server.add_generic_rpc_handlers((bare,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready grpc=127.0.0.1:{port} {also}", flush=True)
    return server


async def _main() -> None:
    server = await serve(Bare())
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_main())
