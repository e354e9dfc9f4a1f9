"""The reader: a connection that cannot write, in a thread of its own, beside the writer and never behind it."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from midway.store.port import StoreUnavailable
from midway.store.sqlite.driver import Driver

T = TypeVar("T")

READ_TIMEOUT = timedelta(seconds=30)  # a disk that hangs; an ordinary read takes less than a millisecond


class Reader:
    """Owns the reading connection."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._closed = False

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the question; it sees everything that was committed before the call."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            async with asyncio.timeout(READ_TIMEOUT.total_seconds()):
                return await self._driver.run(question)
        except sqlite3.Error as err:
            raise StoreUnavailable(f"cannot read: {err}") from err
        except TimeoutError as err:
            raise StoreUnavailable("cannot read: the disk does not answer") from err

    async def close(self) -> None:
        """Finish the reads that were begun, then close the connection."""
        self._closed = True
        await self._driver.close()
