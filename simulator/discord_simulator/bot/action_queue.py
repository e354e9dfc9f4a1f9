"""A job's actions, run in the order they were planned in, although some wait for a drawing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class ActionQueue:
    """Runs one action after the other, each when its drawing and all before it are done; without a drawing, at once."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.Future[object] | None, Callable[[], object]]] = deque()

    def add(self, act: Callable[[], object]) -> None:
        """Act after all that was added before."""
        self._waiting.append((None, act))
        self._advance()

    def add_drawn(self, drawing: asyncio.Future[T], act: Callable[[T], object]) -> None:
        """Act on a drawing when it is there, after all that was added before; a cancelled drawing ends the queue."""
        self._waiting.append((drawing, lambda: act(drawing.result())))  # type: ignore[arg-type]  # Future is invariant
        if drawing.done():
            self._advance()
        else:
            drawing.add_done_callback(partial(self._advance))

    def _advance(self, _done: object = None) -> None:
        while self._waiting:
            drawing, act = self._waiting[0]
            if drawing and not drawing.done():
                return
            if drawing and drawing.cancelled():
                self._waiting.clear()
                return
            self._waiting.popleft()
            try:
                act()
            except Exception:
                asyncio.get_running_loop().call_soon(self._advance)  # skip this picture and continue with the rest
                raise
