"""The gRPC port: grpc.aio's server with an accept loop of our own.

grpc.aio (1.85) decodes each call's path as UTF-8 in its accept loop: one path that is not UTF-8, for which a client
needs no key, ends that loop and so the server. Here every known method is registered with grpc-core, which compares
bytes; calls of other methods arrive on a separate queue, and their path is never decoded. With registered methods,
grpc.aio's own loop would be slow, as it iterates over all of them at each call; here each method has its own task.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, NoReturn

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # a Cython module, which the stubs lack

UNKNOWN = "/unknown"  # the name under which the handler of every other path is looked up
_AioServer: Any = cygrpc.AioServer

# Raised when something is sent to a client that has disconnected or broken the protocol.
ClientGone: type[Exception] = cygrpc.ExecuteBatchError


class Listener(_AioServer):  # type: ignore[misc]  # the base class is written in Cython
    """A server of these methods. Build it inside the running event loop.

    `handlers` returns the handler of each of them and of `UNKNOWN`.
    """

    def __init__(
        self, handlers: grpc.GenericRpcHandler, methods: Iterable[str], options: Iterable[tuple[str, int]]
    ) -> None:
        super().__init__(asyncio.get_running_loop(), None, (), (), tuple(options), None)
        self._resolver = cygrpc._MethodResolver([handlers], {})  # noqa: SLF001 - no public API takes calls; see above
        self._calls: set[asyncio.Task[None]] = set()  # the event loop holds only weak references to tasks
        self.add_registered_method_handlers(dict.fromkeys(methods))

    def listen(self, address: str) -> int:
        """Bind a port, and return it. Raises RuntimeError when it is taken."""
        port: int = self.add_insecure_port(address.encode())
        if not port:
            raise RuntimeError(f"cannot listen on {address}")
        return port

    # grpc.aio awaits what this returns, one for each method and one for the rest. The tasks never return a call.
    def _make_request_call_future(self, method: bytes | None) -> "asyncio.Task[NoReturn]":
        return asyncio.get_running_loop().create_task(self._take_calls(method))

    async def _take_calls(self, method: bytes | None) -> NoReturn:
        name = UNKNOWN if method is None else method.decode()
        while True:  # until the server stops, which makes the next request raise
            state = await (self._request_call() if method is None else self._request_registered_call(method))
            self._answer(name, state)

    def _answer(self, method: str, state: Any) -> None:
        loop = asyncio.get_running_loop()
        handling = cygrpc._handle_rpc(method, self._resolver, (), state, loop, False)  # noqa: SLF001 - see above
        scheduled = cygrpc._schedule_rpc_coro(handling, state, loop, method)  # noqa: SLF001 - see above
        task = loop.create_task(scheduled)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
