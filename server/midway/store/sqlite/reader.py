"""The reader: a connection that cannot write, in a thread of its own, beside the writer and never behind it.

Questions that come while others are read are read together: the way to the thread and back costs more than most reads.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from midway.store.port import StoreUnavailable
from midway.store.sqlite.driver import Driver

T = TypeVar("T")
Question = Callable[[sqlite3.Connection], T]

READ_TIMEOUT = timedelta(seconds=30)  # a disk that hangs; an ordinary read takes less than a millisecond
MAX_BATCH = 64  # questions; bounds how long the first of them waits for the last


class Reader:
    """Owns the reading connection."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._closed = False
        self._waiting: list[tuple[Question[Any], asyncio.Future[Any]]] = []
        self._reading: asyncio.Task[None] | None = None  # while somebody waits

    async def read(self, question: Question[T]) -> T:
        """Ask the question; it sees everything that was committed before the call."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all(), name="sqlite-reader")
        return await answer

    async def close(self) -> None:
        """Finish the reads that were begun, then close the connection."""
        self._closed = True
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await self._driver.close()

    async def _read_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            results = await self._answers([question for question, _ in batch])
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():
                    continue  # nobody waits any more
                if isinstance(result, Exception):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)

    async def _answers(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Return what each question returns, or the exception to raise where it is waited for."""
        try:
            async with asyncio.timeout(READ_TIMEOUT.total_seconds()):
                return await self._driver.run(partial(_answer_each, questions=questions))
        except TimeoutError:
            return [StoreUnavailable("cannot read: the disk does not answer")] * len(questions)
        except Exception as err:  # noqa: BLE001 - raised again where each question was asked
            return [err] * len(questions)


def _answer_each(connection: sqlite3.Connection, questions: Sequence[Question[Any]]) -> list[Any]:
    return [_answer(connection, question) for question in questions]


def _answer(connection: sqlite3.Connection, question: Question[Any]) -> Any:
    try:
        return question(connection)
    except sqlite3.Error as err:
        unavailable = StoreUnavailable(f"cannot read: {err}")
        unavailable.__cause__ = err
        return unavailable
    except Exception as err:  # noqa: BLE001 - raised again where it was asked
        return err
