"""Parks messages that match no Attempt yet, until one of their keys becomes known or they expire."""

from collections.abc import Iterable
from datetime import timedelta

from midway.engine.core.keys import names_in
from midway.engine.core.reading import Reading


class ParkedMessages:
    """Unmatched messages, in the order they came, indexed by each of their keys."""

    def __init__(self, park_time: timedelta, capacity: int) -> None:
        self._park_seconds = park_time.total_seconds()
        self._capacity = capacity
        self._count = 0
        self._parked: dict[int, tuple[float, Reading]] = {}  # oldest first
        self._by_name: dict[str, dict[int, None]] = {}

    def park(self, reading: Reading, now: float) -> None:
        """Park a message at a time (monotonic seconds); when there are too many, drop the oldest."""
        self._count += 1
        self._parked[self._count] = (now, reading)
        for name in names_in(reading.keys):
            self._by_name.setdefault(name, {})[self._count] = None
        if len(self._parked) > self._capacity:
            self._remove(next(iter(self._parked)))

    def named(self, names: Iterable[str]) -> list[tuple[int, Reading]]:
        """Return the messages parked under any of these names, oldest first, each with its number."""
        numbers = {number for name in names for number in self._by_name.get(name, ())}
        return [(number, self._parked[number][1]) for number in sorted(numbers)]

    def get(self, number: int) -> Reading | None:
        """Return the message with this number; None when it is no longer parked."""
        kept = self._parked.get(number)
        return kept[1] if kept else None

    def take(self, number: int) -> None:
        """Remove a message that has matched an Attempt."""
        if number in self._parked:
            self._remove(number)

    def expired(self, now: float) -> list[Reading]:
        """Remove and return the messages that have expired."""
        expired = []
        while self._parked and (wake_at := self.wake_at()) is not None and wake_at <= now:
            expired.append(self._remove(next(iter(self._parked))))
        return expired

    def wake_at(self) -> float | None:
        """Return when the oldest message expires, in monotonic seconds; None when there is none."""
        since = next((since for since, _ in self._parked.values()), None)
        return None if since is None else since + self._park_seconds

    def _remove(self, number: int) -> Reading:
        _, reading = self._parked.pop(number)
        for name in names_in(reading.keys):
            numbers = self._by_name[name]
            numbers.pop(number, None)
            if not numbers:
                del self._by_name[name]
        return reading
