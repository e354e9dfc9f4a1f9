"""A disk that takes no more: what cannot go on without it says which file, what can goes on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotWrite(Exception):
    """A file that is needed at the start cannot be written; the message names it and says why."""


@contextmanager
def needing(path: Path) -> Iterator[None]:
    """Do what makes a file or directory. Raises CannotWrite for any OSError."""
    try:
        yield
    except OSError as err:
        raise CannotWrite(f"cannot write {path}: {err.strerror or err}") from err


def say(line: str) -> None:
    """Print a line. Where standard output takes none (a file on a full disk), it is let go, and so is what follows."""
    try:
        print(line, flush=True)
    except OSError:
        # Else the line stays in the buffer, and the program ends with an error when that is written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
