"""A cache of serialized Task snapshots: pollers and watchers ask for the same ones."""

from collections.abc import Callable, Hashable

from midway.domain.task import Task

# Snapshots: enough for the Tasks that run or have just ended. Each takes a few kB, or 100 kB with the longest prompts.
MOST = 500
MOST_BYTES = 4_000_000


class Rendered:
    """Caches the results of `make`; the oldest are evicted first."""

    def __init__(self, make: Callable[..., bytes], most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._make = make
        self._most = most
        self._most_bytes = most_bytes
        self._kept: dict[Hashable, bytes] = {}
        self._bytes = 0

    def of(self, task: Task, *details: Hashable) -> bytes:
        """Return the serialized snapshot; `details` are the other arguments of `make`."""
        key = task.id, task.revision, *details
        form = self._kept.get(key)
        if form is None:
            form = self._kept[key] = self._make(task, *details)
            self._bytes += len(form)
            while len(self._kept) > self._most or self._bytes > self._most_bytes:
                self._bytes -= len(self._kept.pop(next(iter(self._kept))))
        return form
