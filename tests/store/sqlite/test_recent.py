"""What is answered from memory is what the database would answer, whatever was left behind already."""

from functools import partial
from pathlib import Path
from random import Random

import pytest
from midway.domain.ids import Revision
from midway.domain.lifecycle import Accepted, Dispatched, Progressed
from midway.domain.task import Task
from midway.store.sqlite import SqliteStore, reads

from tests.store.tasks import LEARN_SEED, SUCCEED, advance, submitted

LIFE = (Dispatched(), Accepted(), Progressed(10), Progressed(20), Progressed(40), Progressed(80), SUCCEED, LEARN_SEED)


@pytest.mark.parametrize("recent_snapshots", [1, 3, 7, 20, 1000])
async def test_memory_and_database_answer_alike(database: Path, recent_snapshots: int) -> None:
    """Five Tasks go on in a random order; after each step both are asked everything."""
    random = Random(recent_snapshots)
    store = await SqliteStore.open(database, recent_snapshots=recent_snapshots)
    tasks = {number: await submitted(store) for number in range(5)}
    steps = [number for number in tasks for _ in LIFE]
    random.shuffle(steps)
    done = dict.fromkeys(tasks, 0)
    answered = 0
    for number in steps:
        tasks[number] = await advance(store, tasks[number], LIFE[done[number]])
        done[number] += 1
        answered += await answers_alike(store, list(tasks.values()))
    await store.close()

    assert answered > 0  # by memory


async def answers_alike(store: SqliteStore, tasks: list[Task]) -> int:
    """Compare all answers of memory with the database's; tell how many memory gave."""
    newest, ask, recent = await store.revision(), store._reader.read, store._snapshots
    answers = 0
    assert newest == await ask(reads.revision)
    for after in map(Revision, range(newest + 1)):
        for limit in (1, 3, 1000):
            known = recent.changes(after, limit)
            assert known in (None, await ask(partial(reads.changes, after=after, limit=limit)))
            answers += known is not None
        for task in tasks:
            known = recent.history(task.id, after)
            assert known in (None, await ask(partial(reads.history, task_id=task.id, after=after)))
    for task in tasks:
        assert recent.latest(task.id) in (None, await ask(partial(reads.get, task_id=task.id)))
    return answers
