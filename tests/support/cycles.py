"""What is left of errors: one in a cycle stays, with all that its calls held, until the garbage collector comes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def errors_in_cycles(package: str = "midway") -> Iterator[list[BaseException]]:
    """Give a list that holds, after the context, errors of a package's that only the collector would have freed."""
    found: list[BaseException] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        errors = [error for error in gc.garbage if isinstance(error, BaseException)]
        found += [error for error in errors if type(error).__module__.startswith(package)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
