"""The bare part of the Store: `python -m benchmarks.bare_store DATABASE COPIED TASK`, plain sqlite3, Midway's schema.

What it writes are copies of the rows that the database COPIED has of the Task. `/bare/Commit` writes them for so many
Tasks, one after the other, with two commits each. SubmitImagine waits until its Task's first rows are on the disk, by
one thread that commits what has been queued meanwhile. Documents are written as they were read, without parsing them.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import grpc
import uvloop
from midway.store.sqlite.database import open_reader, open_writer

from benchmarks.bare import Bare, Context, serve

COMMIT = "/bare/Commit"  # the request is how many Tasks are written
SUBMIT = "/midjourney.v1.MidjourneyService/SubmitImagine"
FIRST_ID = 1_700_000_000_000_000
FIRST_NONCE = 1_300_000_000_000_000_000
MOST = 256  # Tasks in one commit, as of ours
Row = Mapping[str, Any]


class Copied(NamedTuple):
    """One Task's rows."""

    task: Row
    history: Sequence[Row]
    attempts: Sequence[Row]

    @classmethod
    def of(cls, database: Path, task_id: str) -> "Copied":
        """Read them."""
        with closing(open_reader(database)) as connection:
            tasks, history, attempts = (
                [dict(row) for row in connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", [task_id])]
                for table, key in (("task", "id"), ("task_history", "task_id"), ("attempt", "task_id"))
            )
        return cls(tasks[0], sorted(history, key=lambda row: row["revision"]), attempts)


class Tables:
    """Writes copies of a Task's rows, each with keys of its own."""

    def __init__(self, connection: sqlite3.Connection, copied: Copied) -> None:
        self._connection = connection
        self._copied = copied
        self._revision = 0
        self._tasks = 0
        self._attempts = 0

    def write_whole(self) -> None:
        """Write a Task as it was submitted, and then as it ended, with all that was kept in between."""
        self.write_submitted(1)
        task_id = self._task_id(self._tasks)
        copied = self._copied
        self._connection.execute("BEGIN IMMEDIATE")
        self._insert(
            "task_history", [{**row, "revision": self._next(), "task_id": task_id} for row in copied.history[1:]]
        )
        self._insert("attempt", [{**row, "nonce": self._nonce(), "task_id": task_id} for row in copied.attempts])
        self._connection.execute(
            "UPDATE task SET revision = ?, state = ?, doc = ? WHERE id = ?",
            (self._revision, copied.task["state"], copied.task["doc"], task_id),
        )
        self._connection.execute("COMMIT")

    def write_submitted(self, count: int) -> None:
        """Write so many Tasks as they were submitted, in one commit."""
        first = self._copied.history[0]
        keys = [(self._task_id(self._tasks + number), self._next()) for number in range(1, count + 1)]
        task = {**self._copied.task, "state": first["state"], "doc": first["doc"]}
        self._tasks += count
        self._connection.execute("BEGIN IMMEDIATE")
        self._insert("task", [{**task, "id": task_id, "revision": revision} for task_id, revision in keys])
        self._insert(
            "task_history", [{**first, "task_id": task_id, "revision": revision} for task_id, revision in keys]
        )
        self._connection.execute("COMMIT")

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        """Write rows by one statement."""
        if rows:
            places = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
            query = f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {places}"
            self._connection.execute(query, [value for row in rows for value in row.values()])

    def _next(self) -> int:
        self._revision += 1
        return self._revision

    def _nonce(self) -> str:
        self._attempts += 1
        return str(FIRST_NONCE + self._attempts)

    def _task_id(self, number: int) -> str:
        return str(FIRST_ID + number)


class BareStore(Bare):
    """Keeps what is submitted, and nothing else."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self._tables = tables
        self._waiting: SimpleQueue[asyncio.Future[None]] = SimpleQueue()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Find the handler of a method."""
        if handler_call_details.method == COMMIT:
            return grpc.unary_unary_rpc_method_handler(self._commit)
        if handler_call_details.method == SUBMIT:
            return grpc.unary_unary_rpc_method_handler(self._submit)
        return super().service(handler_call_details)

    async def _commit(self, request: bytes, _context: Context) -> bytes:
        for _ in range(int(request)):
            self._tables.write_whole()
        return b""

    async def _submit(self, _request: bytes, _context: Context) -> bytes:
        stored = asyncio.get_running_loop().create_future()
        self._waiting.put(stored)
        await stored
        return self.answers[SUBMIT]

    def write(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what has been queued, in a loop; run it in a thread of its own."""
        while True:
            batch = [self._waiting.get()]
            try:
                while len(batch) < MOST:
                    batch.append(self._waiting.get_nowait())
            except Empty:
                pass
            self._tables.write_submitted(len(batch))
            loop.call_soon_threadsafe(settle, batch)


def settle(batch: Sequence["asyncio.Future[None]"]) -> None:
    """Set the future of each caller whose rows are on the disk."""
    for stored in batch:
        if not stored.done():  # its caller may have been cancelled
            stored.set_result(None)


async def _main(database: Path, copied: Copied) -> None:
    store = BareStore(Tables(open_writer(database), copied))
    Thread(target=store.write, args=[asyncio.get_running_loop()], name="writer", daemon=True).start()
    server = await serve(store)
    await server.wait_for_termination()


if __name__ == "__main__":
    own, copied_from, task = sys.argv[1:]
    uvloop.run(_main(Path(own), Copied.of(Path(copied_from), task)))
