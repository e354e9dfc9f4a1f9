"""The simulator as a process of its own, which outlives the stacks that use it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.processes import PATIENCE_SECONDS, tied
from tests.support.stack import ready_line


@contextmanager
def running_simulator(*, speed: float = 100, accounts: int = 2) -> Iterator[str]:
    """Run a simulator without a seed, so that it never gives an id twice, and yield its URL."""
    options = ("--port", "0", "--speed", str(speed), "--accounts", str(accounts))
    process = subprocess.Popen(
        tied(sys.executable, "-m", "discord_simulator", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield ready_line(process).split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
