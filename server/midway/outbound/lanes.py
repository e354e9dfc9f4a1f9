"""Who asks hosts that do not answer waits behind its own, and leaves room for others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from midway.outbound.address import Place, domain_of
from midway.outbound.busy import Answering, Busy


class Lanes:
    """Bounds the requests that are under way, as `Busy` says.

    What must wait for its own host or domain, or for hosts that do not answer, takes no place of the others.
    """

    def __init__(self, total: int = 64, per_host: int = 16) -> None:
        self._total = total
        self._per_host = per_host
        self._answering = Answering()
        self._under_way: list[Place] = []
        self._waiting: dict[asyncio.Future[None], Place] = {}  # who came first is first

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
        """Remember whether a host answered; to be told while its turn lasts."""
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
            if self._waiting.pop(turn, None) is None:  # let in, and cancelled before it went on
                self._leave(place)
            raise

    def _leave(self, place: Place) -> None:
        """Give a place back, and let in who can go now."""
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
