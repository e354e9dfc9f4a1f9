"""The simulator's only source of time and of delayed work."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVarTuple

Args = TypeVarTuple("Args")


class Clock:
    """Runs delayed work `speed` times faster than Midjourney would, and returns the wall-clock time.

    Bot seconds are what the real bot would take; wall seconds are what the simulator takes.
    `now()` does not run faster: clients compare it with their own clocks.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self.skew = timedelta(0)
        self._handles: dict[int, asyncio.TimerHandle] = {}  # timers that have not fired, by number
        self._numbers = itertools.count()

    def seconds(self, bot_seconds: float) -> float:
        """Convert bot seconds to wall seconds at the present speed."""
        return bot_seconds / self.speed

    def now(self) -> datetime:
        """Tell the aware UTC time, moved by `skew` when a fault has set one."""
        return datetime.now(UTC) + self.skew

    def call_later(
        self, bot_seconds: float, function: Callable[[*Args], object], *args: *Args, since: float | None = None
    ) -> asyncio.TimerHandle:
        """Call `function(*args)` after this many bot seconds, unless the clock is cleared before.

        They count from `since`, in the event loop's time: calls that are planned together keep their order although
        planning them takes a while.
        """
        loop = asyncio.get_running_loop()
        begin, number = loop.time() if since is None else since, next(self._numbers)
        when = begin + self.seconds(max(0.0, bot_seconds))
        handle = self._handles[number] = loop.call_at(when, self._run, number, partial(function, *args))
        return handle

    def clear(self) -> None:
        """Cancel all pending calls; used by reset and by shutdown."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _run(self, number: int, act: Callable[[], object]) -> None:
        del self._handles[number]
        act()
