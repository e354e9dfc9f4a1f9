"""Room for calls, messages or bytes, shared by callers: what one asks beyond its share waits behind its own."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta

from midway.domain.errors import Exhausted


class _Waiter:
    """One that waits for its room. An event, not a future: a cancelled future would refuse to be granted."""

    __slots__ = ("amount", "granted")

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.granted = asyncio.Event()


class Room:
    """A bounded quantity. Who asks for more than is free waits up to `patience`; the callers that wait take turns.

    `share` is the most of it that one caller holds at a time: what it asks beyond waits for its own to end, and holds
    up nobody else.
    """

    def __init__(self, total: int, share: int, patience: timedelta, full: Callable[[], Exhausted]) -> None:
        """`full` makes what is raised when the patience is at its end."""
        self._free = total
        self._share = min(share, total)
        self._patience = patience.total_seconds()
        self._full = full
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Waiter]] = {}  # by caller; whose turn is next stands first

    @property
    def free(self) -> int:
        """How much nobody holds."""
        return self._free

    def has_place(self, caller: Hashable) -> bool:
        """Tell whether this caller could take one without a wait."""
        return not self._waiting and self._fits(caller, 1)

    @asynccontextmanager
    async def taken(self, caller: Hashable, amount: int = 1) -> AsyncIterator[None]:
        """Hold so much while the context is open. Raises what `full` makes."""
        amount = await self.take(caller, amount)
        try:
            yield
        finally:
            self.give_back(caller, amount)

    async def take(self, caller: Hashable, amount: int = 1) -> int:
        """Take so much, to be given back; return how much it is: who asks for more than a share gets a whole one.

        Raises what `full` makes.
        """
        amount = min(amount, self._share)
        if not self._waiting and self._fits(caller, amount):
            self._hold(caller, amount)
            return amount
        waiter = _Waiter(amount)
        self._waiting.setdefault(caller, deque()).append(waiter)
        self._grant()
        try:
            async with asyncio.timeout(self._patience):
                await waiter.granted.wait()
        except BaseException as err:
            self._leave(caller, waiter)
            if isinstance(err, TimeoutError):
                raise self._full() from None
            raise
        return amount

    def give_back(self, caller: Hashable, amount: int = 1) -> None:
        """Give back what `take` returned."""
        self._free += amount
        self._held[caller] -= amount
        if not self._held[caller]:
            del self._held[caller]  # callers come and go
        if self._waiting:
            self._grant()

    def _fits(self, caller: Hashable, amount: int) -> bool:
        return amount <= self._free and self._held[caller] + amount <= self._share

    def _hold(self, caller: Hashable, amount: int) -> None:
        self._free -= amount
        self._held[caller] += amount

    def _leave(self, caller: Hashable, waiter: _Waiter) -> None:
        if waiter.granted.is_set():
            self.give_back(caller, waiter.amount)  # granted in the moment of leaving
            return
        queue = self._waiting[caller]
        queue.remove(waiter)
        if not queue:
            del self._waiting[caller]
        self._grant()

    def _grant(self) -> None:
        """Let in whom there is room for, one of each caller in turn.

        A caller that has its share is passed over. One that only waits for others to give back ends the round, so that
        smaller wishes do not pass it for ever.
        """
        again = True
        while again:
            again = False
            for caller in list(self._waiting):
                queue = self._waiting[caller]
                amount = queue[0].amount
                if self._held[caller] + amount > self._share:
                    continue
                if amount > self._free:
                    return
                again = True
                del self._waiting[caller]
                self._hold(caller, amount)
                queue.popleft().granted.set()
                if queue:
                    self._waiting[caller] = queue  # behind the others
