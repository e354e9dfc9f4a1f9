"""The gRPC port: grpc.aio's server, taking its calls by itself.

grpc.aio (1.85) reads a call's path as UTF-8 in the loop that takes all calls: one path of other bytes, which needs no
key, ends that loop and with it the server. Here every known method is registered with grpc-core, which then
compares bytes; what is none of them waits in another line, and its path is never read. Registered methods are dear with
grpc.aio's own loop, which goes through all of them at each call; here each has a task of its own.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, NoReturn

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

UNKNOWN = "/unknown"  # by which `resolve` is asked for the handler of every other path
_AioServer: Any = cygrpc.AioServer

# Raised where something is sent to a client that has gone, or that broke the protocol.
ClientGone: type[Exception] = cygrpc.ExecuteBatchError


class Listener(_AioServer):  # type: ignore[misc]  # written in Cython
    """A server of these methods. Build it inside the running event loop.

    `handlers` answers for each of them and for `UNKNOWN`.
    """

    def __init__(
        self, handlers: grpc.GenericRpcHandler, methods: Iterable[str], options: Iterable[tuple[str, int]]
    ) -> None:
        super().__init__(asyncio.get_running_loop(), None, (), (), tuple(options), None)
        self._resolver = cygrpc._MethodResolver([handlers], {})  # noqa: SLF001 - see above, here and below
        self._calls: set[asyncio.Task[None]] = set()  # loops hold tasks by weak references only
        self.add_registered_method_handlers(dict.fromkeys(methods))

    def listen(self, address: str) -> int:
        """Bind a port, and return it. Raises RuntimeError when it is taken."""
        port: int = self.add_insecure_port(address.encode())
        if not port:
            raise RuntimeError(f"cannot listen on {address}")
        return port

    # grpc.aio's loop waits for what this returns, one for each method and one for the rest. Calls never come that way.
    def _make_request_call_future(self, method: bytes | None) -> "asyncio.Task[NoReturn]":
        return asyncio.get_running_loop().create_task(self._take_calls(method))

    async def _take_calls(self, method: bytes | None) -> NoReturn:
        name = UNKNOWN if method is None else method.decode()
        while True:  # until the server stops, which these requests raise
            state = await (self._request_call() if method is None else self._request_registered_call(method))
            self._answer(name, state)

    def _answer(self, method: str, state: Any) -> None:
        loop = asyncio.get_running_loop()
        handling = cygrpc._handle_rpc(method, self._resolver, (), state, loop, False)  # noqa: SLF001
        task = loop.create_task(cygrpc._schedule_rpc_coro(handling, state, loop, method))  # noqa: SLF001
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
