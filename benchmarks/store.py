"""Durable submits of the store against bare inserts with the same fsync."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, Task
from midway.store.codec import json_from_task
from midway.store.sqlite import SqliteStore

from benchmarks.measure import Comparison, Scale, per_second

AT_ONCE = 64  # submits that may share one fsync
FIRST_ID = 1_700_000_000_000_000


async def run(scale: Scale) -> list[Comparison]:
    """Measure one submit at a time, and many."""
    bare_is = "sqlite3 INSERT, one commit each"
    single = Comparison("store: submits, one at a time", bare_is, "1/s")
    many = Comparison(f"store: submits, {AT_ONCE} at a time", bare_is, "1/s")
    for _ in range(scale.rounds):
        with TemporaryDirectory(prefix="midway-bench-") as directory:
            bare = bare_inserts(Path(directory) / "bare.db", scale.count(500))
            single.add(bare=bare, ours=await submits(Path(directory) / "one.db", scale.count(500), at_once=1))
            many.add(bare=bare, ours=await submits(Path(directory) / "many.db", scale.count(4000), at_once=AT_ONCE))
    return [single, many]


def bare_inserts(path: Path, count: int) -> float:
    """Insert the same documents with sqlite3 alone, each durable when its statement returns."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE tasks (id TEXT PRIMARY KEY, doc TEXT)")
        begun = time.perf_counter()
        for number in range(count):
            task = a_task(number)
            connection.execute("INSERT INTO tasks VALUES (?, ?)", (task.id, json_from_task(task)))
        return count / (time.perf_counter() - begun)


async def submits(path: Path, count: int, *, at_once: int) -> float:
    """Submit as the engine does."""
    store = await SqliteStore.open(path)
    try:
        return await per_second(lambda number: store.submit(a_task(number)), count, at_once=at_once)
    finally:
        await store.close()


def a_task(number: int) -> Task:
    """Make a Task as it is when accepted."""
    ask = Ask(action=Action.IMAGINE, prompt="a red fox in the snow --ar 3:2")
    return new_task(ask, task_id=TaskId(str(FIRST_ID + number)), now=datetime.now(UTC))
