"""Queues requests so that hosts which do not answer delay only requests of their own kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from midway.outbound.address import Place, domain_of
from midway.outbound.busy import Answering, Busy


class Lanes:
    """Limits the requests under way to what `Busy` allows; further requests wait.

    A request that waits because of its own host or domain, or because hosts do not answer, takes no place of others.
    """

    def __init__(self, total: int = 64, per_host: int = 16) -> None:
        self._total = total
        self._per_host = per_host
        self._answering = Answering()
        self._under_way: list[Place] = []
        self._waiting: dict[asyncio.Future[None], Place] = {}  # in the order they came

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it while the context is open."""
        place = _place(host)
        await self._enter(place)
        try:
            yield
        finally:
            self._leave(place)

    def note(self, host: str, *, answered: bool) -> None:
        """Record whether a host answered; call it within the host's `turn`."""
        self._answering.note(_place(host), answered=answered)

    async def _enter(self, place: Place) -> None:
        if self._busy().has_place(place):
            self._under_way.append(place)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = place
        try:
            await turn
        except asyncio.CancelledError:
            if self._waiting.pop(turn, None) is None:  # it was given a place and then cancelled before it ran
                self._leave(place)
            raise

    def _leave(self, place: Place) -> None:
        """Free a place, and give places to the waiting requests that may run now."""
        self._under_way.remove(place)
        busy = self._busy()
        for turn, waiting in list(self._waiting.items()):
            if busy.is_full:
                break
            if busy.has_place(waiting):
                busy.add(waiting)
                self._under_way.append(waiting)
                del self._waiting[turn]
                turn.set_result(None)

    def _busy(self) -> Busy:
        return Busy(self._total, self._per_host, self._answering, self._under_way)


def _place(host: str) -> Place:
    return Place(host, domain_of(host))
