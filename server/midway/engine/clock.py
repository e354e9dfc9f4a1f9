"""Where the server's time comes from.

What waits within the process (paces, pauses, sweeps) waits by `time.monotonic`. What is stored is told by the wall
clock, for people, for clients and for Discord's ids; but the wall clock may be set, and decisions must not take that
for time that has passed. So the time here goes on evenly, asleep or awake, until `Engine` takes a step over: then
everything stored that is unfinished moves along with it.
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
# Counts while the machine is suspended, as the wall clock does. Elsewhere than on Linux a sleep looks like a step.
UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
ONE_LOOK = timedelta(milliseconds=100)  # at most, for reading two clocks; else the process was stopped in between


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present time, aware, UTC."""


class SystemClock:
    """The machine's wall clock, which may be set while we look."""

    def now(self) -> datetime:
        """Return the present time, aware, UTC."""
        return datetime.now(UTC)


def uptime() -> timedelta:
    """Return how long the machine runs, its sleep counted."""
    return timedelta(microseconds=time.clock_gettime_ns(UPTIME) // 1000)


class SteadyClock:
    """A wall clock that goes on evenly when the machine's is set, until `boot` is put to what `look` says."""

    def __init__(
        self,
        wall: Clock | None = None,
        uptime: Callable[[], timedelta] = uptime,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the time that the wall clock tells; the machine's when none is given."""
        self._wall = wall or SystemClock()
        self._uptime = uptime
        self._monotonic = monotonic
        # Another clock than the machine's tells nothing about the machine, so no other process shall compare.
        self._boot_id = _boot_id() if isinstance(self._wall, SystemClock) else _nobody_elses_id()
        self.boot = self.look()
        self.is_settled = True  # else what is stored may be told by another clock than this one

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Return a steady clock that begins with this one; itself when it is one."""
        return clock if isinstance(clock, cls) else cls(clock)

    def now(self) -> datetime:
        """Return the present time, aware, UTC; never less than before, save where a step was taken over."""
        return self.boot.began_at + self._uptime()

    def monotonic(self) -> float:
        """Return seconds that only ever pass, for what waits within the process."""
        return self._monotonic()

    def go_on_from(self, boot: Boot) -> None:
        """Tell the time by a boot that an earlier process remembered; nothing that it stored moves."""
        self.boot = boot

    @contextmanager
    def taken_over(self, boot: Boot) -> Iterator[None]:
        """Go by another boot from now on, while what is stored is moved along; by the old one again if that fails."""
        before, self.boot, self.is_settled = self.boot, boot, False
        try:
            yield
        except BaseException:
            self.boot = before
            raise
        finally:
            self.is_settled = True

    def wall(self) -> datetime:
        """Return what the wall clock tells, for those who compare it with their own."""
        return self._wall.now()

    def look(self) -> Boot:
        """Return the machine's boot, and when it began by the wall clock as it is now."""
        while True:
            before, now, after = self._uptime(), self._wall.now(), self._uptime()
            if after - before <= ONE_LOOK:
                return Boot(self._boot_id, now - after)


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return _nobody_elses_id()


def _nobody_elses_id() -> str:
    return uuid.uuid4().hex
