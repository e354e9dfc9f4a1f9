"""What the ledger holds in memory: no less than the store where that matters, and no more than can be asked for."""

from datetime import datetime
from pathlib import Path

import pytest
from midway.domain.lifecycle import Assigned, Dispatched, apply
from midway.domain.task import State
from midway.engine.clock import SystemClock
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.store.memory import MemoryStore
from midway.store.port import RevisionConflict
from midway.store.sqlite import SqliteStore
from msgspec.structs import replace

from tests.unit.making import ACCOUNT, CHANNEL, NOW, a_task, an_attempt


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the time at which everything happened."""
        return NOW


async def test_a_ledger_that_was_behind_reads_the_task_and_its_attempts_anew(tmp_path: Path) -> None:
    """Without its Attempt the Task would match no message, and its slot would be free."""
    store = await SqliteStore.open(tmp_path / "midway.db")
    ledger = Ledger(store, ACCOUNT, Limits(), SystemClock())
    queued = (await store.submit(apply(a_task(), Assigned(ACCOUNT, CHANNEL), NOW))).task
    ledger.add(queued)
    attempt = an_attempt(task_id=queued.id)
    await store.append(apply(queued, Dispatched(), NOW), expected_revision=queued.revision, attempts=[attempt])
    with pytest.raises(RevisionConflict):
        await ledger.change(queued.id, Dispatched(), attempts=[replace(attempt, nonce=an_attempt(2).nonce)])

    assert ledger.tasks[queued.id].state is State.SUBMITTING
    assert ledger.attempts(queued.id) == [attempt]
    await store.close()


def test_an_unfinished_task_keeps_what_was_tried_for_it():
    """It counts how often Midjourney's queue was full."""
    ledger = Ledger(MemoryStore(), ACCOUNT, Limits(history_messages_of_work=1), FixedClock())
    ledger.add(a_task())
    for number in range(3):
        ledger.index.put(replace(an_attempt(number, task_id=a_task().id), ended_at=NOW, settled=True))
    ledger.forget_old()

    assert len(ledger.attempts(a_task().id)) == 3


def test_what_is_settled_leaves_the_memory_when_enough_newer_jobs_are_known():
    """A busy day's Tasks would fill the memory otherwise; what may still get a picture stays."""
    ledger = Ledger(MemoryStore(), ACCOUNT, Limits(history_messages_of_work=2), FixedClock())
    for number in range(1, 6):
        task = replace(a_task(number), state=State.FAILED if number == 1 else State.SUCCEEDED)
        ledger.add(task)
        ledger.index.put(replace(an_attempt(number, task_id=task.id), ended_at=NOW, settled=number > 1))
    ledger.forget_old()

    kept = [a_task(number).id for number in (1, 4, 5)]
    assert list(ledger.tasks) == kept
    assert [attempt.task_id for attempt in ledger.index.by_nonce.values()] == kept
