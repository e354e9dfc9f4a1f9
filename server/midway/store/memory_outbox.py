"""The outbox and the dead letters of the memory store; what `store/sqlite/sql/outbox.sql` does, in Python."""

import itertools
from datetime import datetime, timedelta

from msgspec.structs import replace

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.store.port import DeadLetter, DeadLetterKey, OutboxRow


class MemoryOutbox:
    """Notices by sequence number, and the dead letters: notices that were given up."""

    def __init__(self) -> None:
        self.rows: dict[int, OutboxRow] = {}  # in the order they were added
        self._dead: dict[tuple[TaskId, Revision], DeadLetter] = {}
        self._sequence = itertools.count(1)

    def put(self, task: Task, now: datetime) -> None:
        """Add a notice; it replaces the Task's notices of earlier progress in the same state, except the first."""
        after_the_first = [row for row in self.rows.values() if row.task.id == task.id][1:]
        newest_first = itertools.takewhile(lambda row: row.task.state is task.state, reversed(after_the_first))
        for row in list(newest_first) if not task.state.is_terminal else ():
            del self.rows[row.sequence]
        self._add(task, task.ask.notify_url, now)

    def _add(self, task: Task, url: str, now: datetime) -> None:
        sequence = next(self._sequence)
        self.rows[sequence] = OutboxRow(sequence, task, url, tries=0, due_at=now, since=now)

    def due(self, now: datetime) -> list[OutboxRow]:
        """Return the first notice of each Task, if it is due."""
        first_of_task: dict[TaskId, OutboxRow] = {}
        for row in self.rows.values():
            first_of_task.setdefault(row.task.id, row)
        due = [row for row in first_of_task.values() if row.due_at <= now]
        return sorted(due, key=lambda row: (row.due_at, row.sequence))

    def retry(self, sequence: int, due_at: datetime) -> None:
        """Count a failed try."""
        if row := self.rows.get(sequence):
            self.rows[sequence] = replace(row, tries=row.tries + 1, due_at=due_at)

    def move(self, step: timedelta) -> None:
        """Shift the times of every notice and dead letter by the step that the clock was set by."""
        for row in list(self.rows.values()):
            self.rows[row.sequence] = replace(row, due_at=row.due_at + step, since=row.since + step)
        for key, letter in list(self._dead.items()):
            self._dead[key] = replace(letter, died_at=letter.died_at + step)

    def give_up(self, sequence: int, problem: str, now: datetime) -> None:
        """Move a notice to the dead letters."""
        if row := self.rows.pop(sequence, None):
            letter = DeadLetter(row.task, row.url, row.tries + 1, problem, now)
            self._dead[row.task.id, row.task.revision] = letter

    def dead_letters(self, task_id: TaskId | None, before: DeadLetterKey | None) -> list[DeadLetter]:
        """Return the dead letters, newest first."""
        wanted = [
            letter
            for letter in self._dead.values()
            if task_id in {None, letter.task.id} and (before is None or letter.key < before)
        ]
        return sorted(wanted, key=lambda letter: letter.key, reverse=True)

    def redeliver(self, task_id: TaskId, revision: Revision, now: datetime) -> bool:
        """Move a dead letter back to the outbox; tell whether there was one."""
        letter = self._dead.pop((task_id, revision), None)
        if letter is not None:
            self._add(letter.task, letter.url, now)
        return letter is not None

    def forget(self, before: datetime) -> None:
        """Remove the dead letters that were given up before this time."""
        self._dead = {key: letter for key, letter in self._dead.items() if letter.died_at >= before}
