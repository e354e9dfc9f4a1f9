"""A pool of threads that draw, so that the event loop never waits for pixels.

Pillow releases the GIL while it resizes and compresses, so threads are enough.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

THREADS = max(1, min(4, os.cpu_count() or 1))  # more would share the same cores, and each holds a picture or two
T = TypeVar("T")


class DrawingPool:
    """Draws pictures in order of their due time; the results are futures of the event loop."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="drawing")
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []  # a heap by due time, then by order
        self._unfinished: set[asyncio.Future[object]] = set()
        self._numbers = itertools.count()
        self._lock = Lock()
        self._is_closed = False

    def draw(self, make: Callable[[], T], *, due: float | None = None) -> asyncio.Future[T]:
        """Call `make` in a thread. `due` is the loop's time at which its result is wanted; None: now.

        The future is cancelled by `clear`, and at once after `close`; it raises what `make` raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._is_closed:
            future.cancel()
            return future
        self._unfinished.add(future)  # type: ignore[arg-type]  # only ever cancelled and compared
        future.add_done_callback(self._unfinished.discard)

        def work() -> None:
            if future.cancelled():
                return
            try:
                result = make()
            except Exception as error:  # noqa: BLE001 - passed on to the caller that awaits the picture
                loop.call_soon_threadsafe(_fail, future, error)
            else:
                loop.call_soon_threadsafe(_succeed, future, result)

        with self._lock:
            heapq.heappush(self._waiting, (loop.time() if due is None else due, next(self._numbers), work))
        self._threads.submit(self._work_next)
        return future

    def clear(self) -> None:
        """Cancel everything that is not drawn yet."""
        with self._lock:
            self._waiting.clear()
        for future in tuple(self._unfinished):
            future.cancel()

    async def close(self) -> None:
        """Cancel what is waiting, and wait for what is being drawn: at most two seconds, for the largest picture."""
        self._is_closed = True
        self.clear()
        await asyncio.to_thread(self._threads.shutdown)

    def _work_next(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            _, _, work = heapq.heappop(self._waiting)
        work()


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
