"""Holding the simulator's drawing threads, so that a test decides when a picture is drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from discord_simulator.drawing_pool import THREADS, DrawingPool


@contextmanager
def busy(pool: DrawingPool) -> Iterator[Event]:
    """Occupy every thread until the event is set, or the block ends."""
    go_on = Event()
    for _ in range(THREADS):
        pool.draw(go_on.wait, due=0)
    try:
        yield go_on
    finally:
        go_on.set()
