"""The newest snapshots in memory: what nearly every reader asks for, without a read of the disk.

Only this process writes (a lock file ensures it), and each snapshot is added here when it is on the disk and before
its writer's call returns. So the cache answers what the database would.
"""

from itertools import takewhile

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task

RECENT_SNAPSHOTS = 2_000  # snapshots, of some 3 kB each: far more than a reader that keeps up is behind


class RecentSnapshots:
    """Every change of state and the latest progress of each Task, after a revision that rises as the oldest go."""

    def __init__(self, after: Revision, newest_id: TaskId, size: int) -> None:
        self._after = after  # all newer snapshots are here
        self.revision = after  # the newest revision of the Store
        self.newest_id = newest_id  # the largest Task id of the Store
        self._size = size
        self._snapshots: dict[Revision, Task] = {}  # in order of revision
        self._of_task: dict[TaskId, list[Task]] = {}  # the same snapshots, by Task
        self._progress: dict[TaskId, Task] = {}  # a Task's newest snapshot, where it did not change the state

    def put(self, task: Task) -> None:
        """Add a committed snapshot; its revision must be the newest."""
        if superseded := self._progress.pop(task.id, None):
            self._remove(superseded)
        known = self._of_task.setdefault(task.id, [])
        if known[-1].state is task.state if known else task.state_since < task.updated_at:
            self._progress[task.id] = task
        known.append(task)
        self._snapshots[task.revision] = task
        self.revision = task.revision
        self.newest_id = max(self.newest_id, task.id)
        if len(self._snapshots) > self._size:
            self._forget(next(iter(self._snapshots.values())))

    def latest(self, task_id: TaskId) -> Task | None:
        """Return a Task's newest snapshot, if it is recent enough to be here; None: read it from the database."""
        known = self._of_task.get(task_id)
        return known[-1] if known else None

    def history(self, task_id: TaskId, after: Revision) -> list[Task] | None:
        """Return one Task's snapshots after a revision; None when some may be only in the database."""
        if after < self._after:
            return None
        known = self._of_task.get(task_id, ())
        if known and known[-1].revision <= after:  # saves looking at each
            return []
        return [task for task in known if task.revision > after]

    def changes(self, after: Revision, limit: int) -> list[Task] | None:
        """Return all Tasks' snapshots after a revision, in order; None when some may be only in the database."""
        if after < self._after:
            return None
        newer = list(takewhile(lambda task: task.revision > after, reversed(self._snapshots.values())))
        return newer[::-1][:limit]

    def _forget(self, oldest: Task) -> None:
        self._after = oldest.revision
        self._remove(oldest)
        if self._progress.get(oldest.id) is oldest:
            del self._progress[oldest.id]

    def _remove(self, task: Task) -> None:
        del self._snapshots[task.revision]
        known = self._of_task[task.id]
        known.remove(task)
        if not known:
            del self._of_task[task.id]
