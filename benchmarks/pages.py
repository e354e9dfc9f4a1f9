"""How many database pages whole imagines write, measured on the Store alone by SQLite's write-ahead log."""

import sqlite3
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

import midway.store
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, Nonce, TaskId
from midway.domain.image import Image
from midway.domain.lifecycle import Accepted, Dispatched, Event, Progressed, Result, Succeeded, apply
from midway.domain.task import Task
from midway.store import sqlite_url
from midway.store.port import Entry, Store
from msgspec.structs import replace

from benchmarks.fill import ACCOUNT, drawn, drawn_attempt, fill, task_id, waiting
from benchmarks.measure import Figure, Scale, Target

STORED = 20_000  # Tasks, so that the indexes are as deep as after some weeks
IMAGINES = 24
PREVIEWS = 8
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes, of SQLite's write-ahead log: a header, then a page after each of the others


async def run(scale: Scale) -> list[Figure]:
    """Count what imagines add to the log when each write is a commit of its own."""
    alone = Figure("page writes a Store write, each a commit", "", Target(7, at_most=True))
    for _ in range(scale.rounds):
        async with AsyncExitStack() as stack:
            database = Path(stack.enter_context(TemporaryDirectory(prefix="midway-bench-"))) / "data" / "midway.db"
            await fill(database, scale.count(STORED))
            store = await stack.enter_async_context(midway.store.open(sqlite_url(database)))
            with Log(database) as log:
                writes = await draw_each_alone(store, first=scale.count(STORED))
            alone.add(log.pages / writes)
    return [alone]


class Log:
    """Measures by how much a database's log grows inside a `with` block, in which it does not begin anew."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.pages = 0

    def __enter__(self) -> Self:
        self._reader = sqlite3.connect(self._database, isolation_level=None)
        self._reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._reader.execute("BEGIN")
        (self._page_size,) = self._reader.execute("PRAGMA page_size").fetchone()
        self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from now on nothing is overwritten
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        size = self._database.with_name(f"{self._database.name}-wal").stat().st_size
        self.pages = (size - LOG_HEADER) // (FRAME_HEADER + self._page_size)
        self._reader.close()


class Step(NamedTuple):
    """A write of an imagine's: what happened to the Task, and the Attempt where something was learnt of it."""

    event: Event
    attempt: Attempt | None = None


def steps(task: Task, number: int) -> Iterable[Step]:
    """Yield what happens to an imagine after its submit."""
    done = drawn_attempt()
    sent = replace(
        done,
        nonce=Nonce(f"13{number:017}"),
        task_id=task.id,
        sent_at=task.created_at,
        accepted_at=None,
        job_id=None,
        ended_at=None,
        settled=False,
    )
    yield Step(Dispatched(), sent)
    accepted = replace(sent, accepted_at=task.created_at, interaction_id=InteractionId(f"14{number:017}"))
    yield Step(Accepted(), accepted)
    known = replace(accepted, job_id=done.job_id)
    for preview in range(PREVIEWS):
        url = f"https://cdn.discordapp.com/attachments/{ACCOUNT}/1/{preview}_{done.job_id}_grid_0.webp?ex=1&is=1&hm=0"
        yield Step(Progressed(10 * preview, Image(url, 1024, 1024)), None if preview else known)
    end = drawn()
    result = Result(image=end.image, message_id=end.message_id, job_id=end.job_id, buttons=end.buttons)
    yield Step(Succeeded(result), replace(known, ended_at=task.created_at, settled=True))


class Imagine:
    """One imagine on its way through the Store."""

    def __init__(self, store: Store, number: int) -> None:
        now = datetime.now(UTC)
        new = replace(waiting(), id=TaskId(task_id(number)), created_at=now, updated_at=now, state_since=now)
        self._store = store
        self._task = new
        self._steps = iter(steps(new, number))

    async def submit(self) -> None:
        """Store it."""
        self._task = (await self._store.submit(self._task)).task

    async def advance(self) -> None:
        """Store its next step."""
        step = next(self._steps)
        changed = apply(self._task, step.event, self._task.updated_at + timedelta(seconds=1))
        attempts = (step.attempt,) if step.attempt else ()
        entry = Entry(task=replace(changed, version=changed.version + 1), attempts=attempts)
        [self._task] = await self._store.append(entry)


STEPS = 3 + PREVIEWS


async def draw_each_alone(store: Store, first: int) -> int:
    """Have imagines take their steps in turn; return how many writes that were."""
    imagines = [Imagine(store, first + number) for number in range(IMAGINES)]
    for imagine in imagines:
        await imagine.submit()
    for _ in range(STEPS):
        for imagine in imagines:
            await imagine.advance()
    return IMAGINES * (1 + STEPS)
