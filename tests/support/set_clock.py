"""`midway serve` on a machine whose wall clock a test sets: `python -m tests.support.set_clock`.

The file that `SET_CLOCK` names holds the seconds by which it was set. Everything else is the server as users run it,
and ends with the process that started it.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from midway.app import die_with_parent
from midway.app.privacy import keep_files_private
from midway.app.serve import run_server
from midway.app.settings import load_settings
from midway.engine.clock import SystemClock

NANOSECONDS = 1_000_000_000


def set_by(file: Path) -> float:
    """Return the seconds by which the clock is set."""
    return float(file.read_text())


def patch(file: Path) -> None:
    """Have the whole process read the wall clock as the file says; what counts from the machine's start stays."""
    time_ns, now = time.time_ns, SystemClock.now

    def shown(self: SystemClock) -> datetime:
        return now(self) + timedelta(seconds=set_by(file))

    patched: dict[str, Callable[[], float]] = {
        "time_ns": lambda: time_ns() + int(set_by(file) * NANOSECONDS),
        "time": lambda: time_ns() / NANOSECONDS + set_by(file),
    }
    for name, reading in patched.items():
        setattr(time, name, reading)
    setattr(SystemClock, "now", shown)  # noqa: B010 - a method is no place for a function, says mypy


def main() -> None:
    """Serve until told to end."""
    die_with_parent.tie_to(os.getppid())
    patch(Path(os.environ["SET_CLOCK"]))
    keep_files_private()
    run_server(load_settings())


if __name__ == "__main__":
    main()
