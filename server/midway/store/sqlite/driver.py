"""One SQLite connection and the thread that aiosqlite gives it.

aiosqlite's own methods switch to the thread for every statement: a cancellation could come between two statements of
one transaction, and a batch of submits would cost hundreds of switches. So a whole function runs in the thread as one
call, by the private `Connection._execute`, on which all of aiosqlite's methods are built; its version is pinned.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Self, TypeVar

import aiosqlite

T = TypeVar("T")

ROWS_AT_ONCE = 64  # aiosqlite's default for its iterators, which are not used here


class Driver:
    """Runs functions of one connection in its thread, one at a time, in the order asked."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Self:
        """Start the thread and open the connection in it. Raises what `connect` raises."""
        connection = aiosqlite.Connection(connect, ROWS_AT_ONCE)
        try:
            return cls(await connection)
        except BaseException:
            # The thread still calls the event loop once. If the loop were closed by then, a traceback would be printed.
            await asyncio.to_thread(connection._thread.join)  # noqa: SLF001 - aiosqlite has no public way to wait for it
            raise

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function in the thread and return its value; it runs to its end even if the caller is cancelled."""
        execute = self._connection._execute  # noqa: SLF001 - see the module's docstring
        result: T = await execute(self._call, function)  # type: ignore[no-untyped-call]  # aiosqlite leaves it untyped
        return result

    async def close(self) -> None:
        """Finish the calls that were made, close the connection and end the thread."""
        await self._connection.close()

    def _call(self, function: Callable[[sqlite3.Connection], Any]) -> Any:
        return function(self._connection._conn)  # noqa: SLF001 - the connection belongs to this thread
