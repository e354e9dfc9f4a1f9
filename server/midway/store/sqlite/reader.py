"""The reader: a connection that cannot write, in a thread of its own, beside the writer and never behind it."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from midway.store.port import StoreUnavailable

T = TypeVar("T")

READ_TIMEOUT = timedelta(seconds=30)  # a disk that hangs; an ordinary read takes less than a millisecond


class Reader:
    """Owns the reading connection and its thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")
        self._closed = False

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the question; it sees everything that was committed before the call."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READ_TIMEOUT.total_seconds()):
                return await loop.run_in_executor(self._thread, question, self._connection)
        except sqlite3.Error as err:
            raise StoreUnavailable(f"cannot read: {err}") from err
        except TimeoutError as err:
            raise StoreUnavailable("cannot read: the disk does not answer") from err

    async def close(self) -> None:
        """Finish the reads that were begun, then close the connection."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()
