"""`python -m benchmarks.writing FILE`: `midway serve` that periodically writes a Task to its Store.

A line for each, with the milliseconds until it was on the disk. The Tasks are cancelled ones, which concern nobody.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import midway.store
from midway.app.cli import main
from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.lifecycle import Cancelled, apply, new_task
from midway.domain.task import Ask, Task
from midway.store.port import Store, StoreUnavailable

PAUSE_SECONDS = 0.05
FIRST_ID = 1_600_000_000_000_000  # microseconds of a day long ago: no Task of the server's has it


async def _note_writes(store: Store, noted: Path) -> None:
    with noted.open("a", buffering=1) as file:
        for number in count(FIRST_ID):
            await asyncio.sleep(PAUSE_SECONDS)
            task = _cancelled(TaskId(str(number)))
            begun = time.perf_counter()
            try:
                await store.submit(task)
            except StoreUnavailable:  # it is closed
                return
            file.write(f"{1000 * (time.perf_counter() - begun):.3f}\n")


def _cancelled(task_id: TaskId) -> Task:
    now = datetime.now(UTC)
    ask = Ask(action=Action.IMAGINE, prompt="a red fox in the snow", prompt_en="a red fox in the snow")
    return apply(new_task(ask, task_id=task_id, now=now), Cancelled("nobody wants it"), now)


def _noting(noted: Path) -> None:
    """Have the server's Store write as soon as it is open."""
    open_store = midway.store.open

    @asynccontextmanager
    async def open_noting(url: str, **options: bool) -> AsyncIterator[Store]:
        async with open_store(url, **options) as store:
            writing = asyncio.create_task(_note_writes(store, noted), name="writes")
            writing.add_done_callback(lambda ended: ended.cancelled() or ended.result())
            yield store

    setattr(midway.store, "open", open_noting)  # noqa: B010 - mypy forbids the other way


if __name__ == "__main__":
    _noting(Path(sys.argv.pop()))
    sys.argv = ["midway", "serve"]
    main()
