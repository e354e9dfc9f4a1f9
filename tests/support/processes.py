"""Processes that tests start: how long to wait, and how to leave none behind."""

import os
import sys

from midway.app import die_with_parent

# A stop for what hangs, never a measure: far beyond what anything takes on a machine with ten times its work.
PATIENCE_SECONDS = 150.0


def slowness() -> float:
    """Return how many times longer than on an idle machine things take now; 1 while every core has room.

    For the deadlines of the product that a test makes short: what must not strike on a busy machine is multiplied.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def tied(*command: str) -> tuple[str, ...]:
    """Return the command so that its process is killed when this one ends, whatever ends this one."""
    return (sys.executable, "-SE", die_with_parent.__file__, str(os.getpid()), *command)
