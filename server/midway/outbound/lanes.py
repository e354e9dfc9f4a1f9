"""Who asks hosts that do not answer waits behind its own, and leaves room for others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from midway.outbound.address import domain_of

# Whoever owns a domain makes as many names under it as it likes.
DOMAIN_SHARE = 2  # one domain's names take at most this part (a half) of all places


def domain_places(total: int) -> int:
    """Return how many of so many places the names under one domain may take."""
    return max(1, total // DOMAIN_SHARE)


class Lanes:
    """Bounds the requests that are under way: to one host, to the names under one domain, and in all.

    What must wait for its own host or domain takes no place of the others.
    """

    def __init__(self, total: int = 64, per_host: int = 16) -> None:
        self._places = asyncio.Semaphore(total)
        self._per_host = per_host
        self._per_domain = domain_places(total)
        # Each lives for as long as somebody holds or awaits a place of it.
        self._lanes: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it while the context is open."""
        domain = domain_of(host) or host
        async with (
            self._lane(f"host {host}", self._per_host),
            self._lane(f"domain {domain}", self._per_domain),
            self._places,
        ):
            yield

    def _lane(self, key: str, places: int) -> asyncio.Semaphore:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = asyncio.Semaphore(places)
        return lane
