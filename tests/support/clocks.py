"""A machine whose wall clock a test sets, and that sleeps."""

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
