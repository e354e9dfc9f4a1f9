"""Clocks that tests move: a machine whose wall clock is set and that sleeps, and one where time stands still."""

from datetime import datetime, timedelta

from midway.engine.clock import SteadyClock, SystemClock, uptime


class Machine(SystemClock):
    """The machine that runs the tests, as far as its wall clock was not set and it did not sleep."""

    def __init__(self) -> None:
        self._set_by = timedelta(0)
        self._slept = timedelta(0)

    def set_clock(self, **by: float) -> None:
        """Set the wall clock, as NTP or a person does."""
        self._set_by += timedelta(**by)

    def sleep(self, **long: float) -> None:
        """Sleep, and wake at once: wall clock and uptime count it alike."""
        self._slept += timedelta(**long)

    def now(self) -> datetime:
        """Return what the wall clock tells."""
        return super().now() + self._set_by + self._slept

    def clock(self) -> SteadyClock:
        """Return the clock of a server that begins now."""
        return SteadyClock(self, lambda: uptime() + self._slept)


class StillMachine:
    """A machine on which time passes only when a test says so; nothing on it depends on the one that runs the test."""

    def __init__(self, begun_at: datetime) -> None:
        self._begun_at = begun_at
        self._passed = timedelta(0)
        self._seconds = 0.0

    def let_pass(self, seconds: float) -> None:
        """Let time pass, awake."""
        self._passed += timedelta(seconds=seconds)
        self._seconds = self._passed.total_seconds()

    def now(self) -> datetime:
        """Return what the wall clock tells."""
        return self._begun_at + self._passed

    def uptime(self) -> timedelta:
        """Return how long the machine runs."""
        return self._passed

    def monotonic(self) -> float:
        """Return how many seconds have passed."""
        return self._seconds

    def clock(self) -> SteadyClock:
        """Return the clock of a server that begins now."""
        return SteadyClock(self, self.uptime, self.monotonic)
