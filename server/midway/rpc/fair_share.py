"""A semaphore shared fairly between callers: what one caller takes beyond its share waits for its own releases."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta

from midway.domain.errors import Exhausted


class _Waiter:
    """One waiting `take`. It has an Event and not a Future: setting the result of a cancelled Future would raise."""

    __slots__ = ("amount", "granted")

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.granted = asyncio.Event()


class Room:
    """A weighted semaphore: `take` waits up to `patience` until enough is free; waiting callers take turns.

    `share` is the most that one caller may hold at a time. What it asks for beyond that waits until it has given
    something back, and does not delay other callers.
    """

    def __init__(self, total: int, share: int, patience: timedelta, full: Callable[[], Exhausted]) -> None:
        """`full` makes the exception that is raised after `patience`."""
        self._free = total
        self._share = min(share, total)
        self._patience = patience.total_seconds()
        self._full = full
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Waiter]] = {}  # by caller, the one whose turn is next first

    @property
    def free(self) -> int:
        """The amount that is not held by anyone."""
        return self._free

    def has_place(self, caller: Hashable) -> bool:
        """Tell whether this caller could take 1 without waiting."""
        return not self._waiting and self._fits(caller, 1)

    @asynccontextmanager
    async def taken(self, caller: Hashable, amount: int = 1) -> AsyncIterator[None]:
        """Hold `amount` while the context is open. Raises what `full` makes."""
        amount = await self.take(caller, amount)
        try:
            yield
        finally:
            self.give_back(caller, amount)

    async def take(self, caller: Hashable, amount: int = 1) -> int:
        """Take `amount`, at most a whole share; return how much was taken, which the caller must give back.

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
            del self._held[caller]  # else the dict would grow with every new caller
        if self._waiting:
            self._grant()

    def _fits(self, caller: Hashable, amount: int) -> bool:
        return amount <= self._free and self._held[caller] + amount <= self._share

    def _hold(self, caller: Hashable, amount: int) -> None:
        self._free -= amount
        self._held[caller] += amount

    def _leave(self, caller: Hashable, waiter: _Waiter) -> None:
        if waiter.granted.is_set():
            self.give_back(caller, waiter.amount)  # granted at the moment of the time-out or cancellation
            return
        queue = self._waiting[caller]
        queue.remove(waiter)
        if not queue:
            del self._waiting[caller]
        self._grant()

    def _grant(self) -> None:
        """Grant the waiters that fit, one for each caller in turn.

        A caller that already holds its share is skipped. A waiter for which too little is free ends the round:
        otherwise smaller requests could starve it.
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
                    self._waiting[caller] = queue  # behind the other callers
