"""Messages that match no Attempt yet, kept until a key of theirs is learnt or their time is over."""

from collections.abc import Iterable
from datetime import timedelta

from midway.engine.core.keys import names_in
from midway.engine.core.reading import Reading


class ParkedMessages:
    """Keeps unmatched messages in the order they came, found by each of their keys."""

    def __init__(self, park_time: timedelta, capacity: int) -> None:
        self._park_seconds = park_time.total_seconds()
        self._capacity = capacity
        self._count = 0
        self._parked: dict[int, tuple[float, Reading]] = {}  # oldest first
        self._by_name: dict[str, dict[int, None]] = {}

    def park(self, reading: Reading, now: float) -> None:
        """Keep a message for later; the oldest gives way when there is no room."""
        self._count += 1
        self._parked[self._count] = (now, reading)
        for name in names_in(reading.keys):
            self._by_name.setdefault(name, {})[self._count] = None
        if len(self._parked) > self._capacity:
            self._remove(next(iter(self._parked)))

    def named(self, names: Iterable[str]) -> list[tuple[int, Reading]]:
        """Return what is kept under any of these names, oldest first, each with its number."""
        numbers = {number for name in names for number in self._by_name.get(name, ())}
        return [(number, self._parked[number][1]) for number in sorted(numbers)]

    def get(self, number: int) -> Reading | None:
        """Return what is kept under a number; None when it is kept no longer."""
        kept = self._parked.get(number)
        return kept[1] if kept else None

    def take(self, number: int) -> None:
        """Keep it no longer: it has found its Attempt."""
        if number in self._parked:
            self._remove(number)

    def expired(self, now: float) -> list[Reading]:
        """Remove and return the messages whose time is over."""
        gone = []
        while self._parked and (wake_at := self.wake_at()) is not None and wake_at <= now:
            gone.append(self._remove(next(iter(self._parked))))
        return gone

    def wake_at(self) -> float | None:
        """Return when (monotonic) the oldest message's time is over."""
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
