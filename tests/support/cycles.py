"""What is left of errors: one in a cycle stays, with all that its calls held, until the garbage collector comes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_left() -> Iterator[None]:
    """See that no error of ours waits for the collector afterwards."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        errors = [error for error in gc.garbage if isinstance(error, BaseException)]
        assert [error for error in errors if type(error).__module__.startswith("midway")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
