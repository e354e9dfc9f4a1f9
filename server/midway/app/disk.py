"""Handles a full disk: an error that names the file if it is needed, otherwise carry on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotWrite(Exception):
    """A file that is needed to start cannot be written; the message names it and says why."""


@contextmanager
def needing(path: Path) -> Iterator[None]:
    """Create a file or directory inside the context. Raises CannotWrite for any OSError."""
    try:
        yield
    except OSError as err:
        raise CannotWrite(f"cannot write {path}: {err.strerror or err}") from err


def say(line: str) -> None:
    """Print a line. If standard output cannot be written (a full disk), drop this line and all later ones."""
    try:
        print(line, flush=True)
    except OSError:
        # Otherwise the line stays in the buffer, and flushing it at exit makes the program fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
