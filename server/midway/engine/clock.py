"""The server's clocks.

Waits within the process (pace, pauses, sweeps) use `time.monotonic`. Stored times are wall-clock times, for people, for
clients, and to compare with Discord's ids. But the wall clock may be set, and that must not count as time that passed.
So the clock here advances evenly, also while the machine sleeps, until `Engine` applies the step: then the stored times
of all unfinished work are shifted by it.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from midway.domain.clock_step import Boot

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Advances while the machine is suspended, like the wall clock. On systems other than Linux a sleep looks like a step.
UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
ONE_LOOK = timedelta(milliseconds=100)  # the most that reading both clocks takes; if longer, the process was stopped


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present time, aware, UTC."""


class SystemClock:
    """The machine's wall clock, which may be set at any time."""

    def now(self) -> datetime:
        """Return the present time, aware, UTC."""
        return datetime.now(UTC)


def uptime() -> timedelta:
    """Return how long the machine has been running, including sleep."""
    return timedelta(microseconds=time.clock_gettime_ns(UPTIME) // 1000)


class SteadyClock:
    """A wall clock that advances evenly even when the machine's is set, until `boot` is set to what `look` returns."""

    def __init__(
        self,
        wall: Clock | None = None,
        uptime: Callable[[], timedelta] = uptime,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the time of the wall clock `wall`; by default the machine's."""
        self._wall = wall or SystemClock()
        self._uptime = uptime
        self._monotonic = monotonic
        # Times by another clock than the machine's must not be compared with another process', hence a unique id.
        self._boot_id = _boot_id() if isinstance(self._wall, SystemClock) else _unique_id()
        self.boot = self.look()
        self.is_settled = True  # False while stored times are being shifted to this clock

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Return a steady clock that starts with this clock's time; the clock itself if it is a SteadyClock."""
        return clock if isinstance(clock, cls) else cls(clock)

    def now(self) -> datetime:
        """Return the present time, aware, UTC; it never decreases except when `boot` changes."""
        return self.boot.began_at + self._uptime()

    def monotonic(self) -> float:
        """Return monotonic seconds, for waits within the process."""
        return self._monotonic()

    def go_on_from(self, boot: Boot) -> None:
        """Go by the boot that an earlier process stored, so that its stored times stay valid."""
        self.boot = boot

    @contextmanager
    def taken_over(self, boot: Boot) -> Iterator[None]:
        """Go by another boot while stored times are shifted to it in the context; if that raises, by the old one."""
        before, self.boot, self.is_settled = self.boot, boot, False
        try:
            yield
        except BaseException:
            self.boot = before
            raise
        finally:
            self.is_settled = True

    def wall(self) -> datetime:
        """Return the wall clock's time, for receivers that compare it with their own clock."""
        return self._wall.now()

    def look(self) -> Boot:
        """Return the machine's boot id, and when the boot began by the wall clock's present time."""
        while True:
            before, now, after = self._uptime(), self._wall.now(), self._uptime()
            if after - before <= ONE_LOOK:
                return Boot(self._boot_id, now - after)


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return _unique_id()


def _unique_id() -> str:
    return uuid.uuid4().hex
