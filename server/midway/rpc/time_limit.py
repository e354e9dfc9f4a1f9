"""One time limit for many waits, with a single timer.

`asyncio.timeout` sets a timer for each wait, which takes 5 % of a short call's time. Here a wait is only added to a
dict; a single timer fires when the oldest one is due.
"""

import asyncio
from types import TracebackType
from typing import Self


class TimeLimit:
    """How long each of many waits may take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waits: dict[Wait, float] = {}  # with the time when each is due, the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> "Wait":
        """Return a context manager for one wait of the current task. It raises TimeoutError after the limit."""
        return Wait(self)

    def begin(self, wait: "Wait") -> None:
        """Start a wait's time."""
        loop = asyncio.get_running_loop()
        self._waits[wait] = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look)

    def end(self, wait: "Wait") -> None:
        """Forget a wait."""
        self._waits.pop(wait, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._waits:
            wait, end = next(iter(self._waits.items()))
            if end > loop.time():
                self._timer = loop.call_at(end, self._look)
                return
            del self._waits[wait]
            wait.interrupt()


class Wait:
    """One wait. As in `asyncio.timeout`, the limit cancels the task; other cancellations stay cancellations."""

    __slots__ = ("_cancelling", "_is_over", "_limit", "_task")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._is_over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._limit.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from None

    def interrupt(self) -> None:
        """Cancel the wait's task: the limit has passed."""
        self._is_over = True
        self._task.cancel()
