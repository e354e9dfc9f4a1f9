"""Offers an Account's waiting Tasks to other Accounts, while the Account needs a person."""

from midway.domain.ids import TaskId
from midway.domain.lifecycle import Noticed
from midway.domain.task import Task
from midway.engine.assign import is_bound
from midway.engine.core.account_status import AccountStatus
from midway.engine.core.effects import Change, Effect, Relocate
from midway.engine.core.ledger import Ledger
from midway.engine.core.send_queue import SendQueue


class Reassignment:
    """Offers Tasks, and remembers which ones were offered. Owned by one core."""

    def __init__(self, ledger: Ledger, send_queue: SendQueue, status: AccountStatus) -> None:
        self._ledger = ledger
        self._send_queue = send_queue
        self._status = status
        self._offered: set[TaskId] = set()  # since the last `renew`

    def renew(self) -> None:
        """Let all Tasks that still wait be offered again."""
        self._offered.clear()

    def made(self) -> list[Effect]:
        """Offer waiting Tasks once after each `renew`; those bound to this Account get a notice instead."""
        effects: list[Effect] = []
        movable: list[Task] = []
        for task in [*self._ledger.waiting(drawing=True), *self._ledger.waiting(drawing=False)]:
            if self._send_queue.is_busy(task.id) or task.id in self._offered:
                continue
            self._offered.add(task.id)
            if is_bound(task.ask):
                effects += self.told_to_wait(task)
            else:
                movable.append(task)
        return [*effects, *([Relocate(tuple(movable))] if movable else [])]

    def told_to_wait(self, task: Task) -> list[Effect]:
        """Add a notice of what the Task waits for; once."""
        notice = f"the account waits for a person: {self._status.reason}"
        return [] if notice in task.notices else [Change(task_id=task.id, events=(Noticed(notice),))]
