"""The reader: a read-only connection in a thread of its own, so that reads never wait for the writer.

Reads that are asked for while others run are run together: switching to the thread and back costs more than most
reads. Reads of one Task each, the most frequent ones, become a single statement, which costs much less.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.store.port import StoreUnavailable
from midway.store.sqlite import reads
from midway.store.sqlite.driver import Driver

T = TypeVar("T")
Question = Callable[[sqlite3.Connection], T]

READ_TIMEOUT = timedelta(seconds=30)  # a disk that hangs; an ordinary read takes less than a millisecond
MAX_BATCH = 64  # reads, and as many Tasks; bounds how long the first of them waits for the last


class Reader:
    """Owns the reading connection."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._closed = False
        self._waiting: list[tuple[Question[Any], asyncio.Future[Any]]] = []
        self._wanted: list[tuple[TaskId, asyncio.Future[Task | None]]] = []
        self._reading: asyncio.Task[None] | None = None  # runs while any read waits

    async def read(self, question: Question[T]) -> T:
        """Run a read and return its result; it sees everything that was committed before the call."""
        answer: asyncio.Future[T] = self._begin()
        self._waiting.append((question, answer))
        return await answer

    async def get(self, task_id: TaskId) -> Task | None:
        """Read one Task, together with others that are asked for at the same time."""
        answer: asyncio.Future[Task | None] = self._begin()
        self._wanted.append((task_id, answer))
        return await answer

    def _begin(self) -> asyncio.Future[Any]:
        """Return a future for a read's result, and start the reading task if it is not running."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all(), name="sqlite-reader")
        return asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Finish the reads that were begun, then close the connection."""
        self._closed = True
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await self._driver.close()

    async def _read_all(self) -> None:
        while self._waiting or self._wanted:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            wanted, self._wanted = self._wanted[:MAX_BATCH], self._wanted[MAX_BATCH:]
            get = partial(_get_each, task_ids=[task_id for task_id, _ in wanted])
            *results, found = await self._answers([*(question for question, _ in batch), get])
            for (_, answer), result in zip(batch, results, strict=True):
                _settle(answer, result)
            for task_id, answer in wanted:
                _settle(answer, found if isinstance(found, Exception) else found.get(task_id))

    async def _answers(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Run the reads; return each one's result, or the exception to raise to its caller."""
        try:
            async with asyncio.timeout(READ_TIMEOUT.total_seconds()):
                return await self._driver.run(partial(_answer_each, questions=questions))
        except TimeoutError:
            return [StoreUnavailable("cannot read: the disk does not answer")] * len(questions)
        except Exception as err:  # noqa: BLE001 - raised again in the callers of `read` and `get`
            return [err] * len(questions)


def _settle(answer: asyncio.Future[Any], result: Any) -> None:
    if answer.done():
        return  # its caller was cancelled
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _get_each(connection: sqlite3.Connection, task_ids: Sequence[TaskId]) -> dict[TaskId, Any]:
    """Read Tasks with one statement; return for each id the Task, None, or the exception to raise to its caller."""
    found: dict[TaskId, Any] = {}
    with contextlib.suppress(Exception):  # raised again below, where each Task is read alone
        found |= reads.get_many(connection, task_ids)
    missing = [task_id for task_id in task_ids if task_id not in found]
    return found | {task_id: _answer(connection, partial(reads.get, task_id=task_id)) for task_id in missing}


def _answer_each(connection: sqlite3.Connection, questions: Sequence[Question[Any]]) -> list[Any]:
    return [_answer(connection, question) for question in questions]


def _answer(connection: sqlite3.Connection, question: Question[Any]) -> Any:
    try:
        return question(connection)
    except sqlite3.Error as err:
        unavailable = StoreUnavailable(f"cannot read: {err}")
        unavailable.__cause__ = err
        return unavailable
    except Exception as err:  # noqa: BLE001 - raised again in the callers of `read` and `get`
        return err
