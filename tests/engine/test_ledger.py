"""The ledger when its memory is behind the store: a write of an ended worker came through after all."""

from dataclasses import replace
from pathlib import Path

import pytest
from midway.domain.lifecycle import Assigned, Dispatched, apply
from midway.domain.task import State
from midway.engine.clock import SystemClock
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.store.port import RevisionConflict
from midway.store.sqlite import SqliteStore

from tests.unit.making import ACCOUNT, CHANNEL, NOW, a_task, an_attempt


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
