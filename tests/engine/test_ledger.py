"""What the ledger holds in memory: no less than the store where that matters, and no more than can be asked for."""

from datetime import datetime

from midway.domain.lifecycle import Accepted, Dispatched, apply
from midway.domain.task import State
from midway.engine.core.effects import Change
from midway.engine.core.ledger import Ledger
from midway.engine.limits import Limits
from msgspec.structs import replace

from tests.unit.making import NOW, a_task, an_attempt


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the time at which everything happened."""
        return NOW


def test_a_change_counts_the_version_and_tells_what_is_to_be_stored():
    ledger = Ledger(Limits(), FixedClock())
    task = replace(a_task(), version=4)
    attempt = an_attempt(task_id=task.id)
    ledger.add(task)

    first = ledger.change(Change(task_id=task.id, events=(Dispatched(),), attempts=(attempt,)))
    second = ledger.change(Change(task_id=task.id, events=(Accepted(),), attempts=(attempt,)))

    assert first is not None
    assert second is not None
    assert [entry.task.version for entry in (first, second) if entry.task] == [5, 6]
    assert (first.attempts, second.attempts) == ((attempt,), ())
    assert ledger.tasks[task.id] == second.task


def test_a_change_that_tells_nothing_new_is_not_stored():
    ledger = Ledger(Limits(), FixedClock())
    ledger.add(a_task())

    assert ledger.change(Change(task_id=a_task().id, events=(Accepted(),))) is None
    assert ledger.change(Change(task_id=a_task(2).id, events=(Dispatched(),))) is None


def test_a_task_that_somebody_else_wrote_is_replaced_with_its_attempts():
    """Without its Attempt the Task would match no message, and its slot would be free."""
    ledger = Ledger(Limits(), FixedClock())
    ledger.add(a_task())
    sent, attempt = apply(a_task(), Dispatched(), NOW), an_attempt(task_id=a_task().id)
    ledger.replace(sent.id, sent, [attempt])

    assert list(ledger.running) == [sent.id]
    assert ledger.attempts(sent.id) == [attempt]


def test_an_unfinished_task_keeps_what_was_tried_for_it():
    """It counts how often Midjourney's queue was full."""
    ledger = Ledger(Limits(max_history_messages=1), FixedClock())
    ledger.add(a_task())
    for number in range(3):
        ledger.index.put(replace(an_attempt(number, task_id=a_task().id), ended_at=NOW, settled=True))
    ledger.forget_old()

    assert len(ledger.attempts(a_task().id)) == 3


def test_what_is_settled_leaves_the_memory_when_enough_newer_jobs_are_known():
    """A busy day's Tasks would fill the memory otherwise; what may still get a picture stays."""
    ledger = Ledger(Limits(max_history_messages=2), FixedClock())
    for number in range(1, 6):
        task = replace(a_task(number), state=State.FAILED if number == 1 else State.SUCCEEDED)
        ledger.add(task)
        ledger.index.put(replace(an_attempt(number, task_id=task.id), ended_at=NOW, settled=number > 1))
    ledger.forget_old()

    kept = [a_task(number).id for number in (1, 4, 5)]
    assert list(ledger.tasks) == kept
    assert [attempt.task_id for attempt in ledger.index.by_nonce.values()] == kept
