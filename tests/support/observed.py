"""What a server tells of the calls that ended. A client may have its answer before that."""

import asyncio

from tests.support.processes import PATIENCE_SECONDS


class Observed(list[tuple[str, str]]):
    """The method and code of each call that ended; give it to a server as its observer."""

    def __init__(self) -> None:
        super().__init__()
        self._told = asyncio.Event()

    def __call__(self, method: str, code: str, seconds: float) -> None:
        """Take a call's end."""
        self.append((method.rpartition("/")[2], code))
        self._told.set()

    async def first(self, count: int) -> list[tuple[str, str]]:
        """Return all that have ended, once they are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self) < count:
                self._told.clear()
                await self._told.wait()
        return list(self)
