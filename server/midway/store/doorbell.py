"""Doorbells inside one process: one ring wakes every listener; one that is not waiting finds the ring when it waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Bell:
    """One listener's bell. It keeps at most one ring: what happened is read from the table."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the listener now, or make its next `wait` return at once."""
        self._rung.set()

    async def wait(self) -> None:
        """Return at the next ring, or at once when it rang since the last return."""
        await self._rung.wait()
        self._rung.clear()


class Doorbells:
    """All bells of one Store."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()

    def ring(self) -> None:
        """Tell every listener that something changed."""
        for bell in self._bells:
            bell.ring()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Bell]:
        """Return a bell that rings while the context is open."""
        bell = Bell()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)
