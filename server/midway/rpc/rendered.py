"""Snapshots in the form that clients get, made once for all who ask: pollers and watchers ask for the same ones."""

from collections.abc import Callable, Hashable

from midway.domain.task import Task

MOST = 500  # forms that are kept, of some kB each: what runs, and what has just ended


class Rendered:
    """Keeps what `make` returned for the newest snapshots; the oldest go first."""

    def __init__(self, make: Callable[..., bytes], most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._kept: dict[Hashable, bytes] = {}

    def of(self, task: Task, *details: Hashable) -> bytes:
        """Return a snapshot's form; `details` are the other arguments of `make`."""
        key = task.id, task.revision, *details
        form = self._kept.get(key)
        if form is None:
            form = self._kept[key] = self._make(task, *details)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return form
