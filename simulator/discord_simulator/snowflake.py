"""Discord ids: ever-increasing 64-bit numbers, written as decimal strings."""

from __future__ import annotations

import time
from typing import Protocol

DISCORD_EPOCH_MS = 1_420_070_400_000  # 2015-01-01T00:00:00Z; bits 22 and up of a snowflake count from here
SEEDED_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z; where the ids of a seeded run begin
DAY_MS = 86_400_000
MAX_SEED_DAYS = 1000  # seeds further apart than this share ids; far enough for any test


class Ids(Protocol):
    """Where ids come from."""

    def next(self) -> str:
        """Return the next id."""


class Reserved:
    """Ids reserved when something is planned, so that they do not depend on when it is shown."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = iter(ids)

    def next(self) -> str:
        """Return the next id; StopIteration when too few were reserved."""
        return next(self._ids)


class Snowflakes:
    """Gives out ids at least one millisecond apart, each greater than the one before.

    An id holds the time it was made at, as Discord's does, unless a seed makes the ids of each run the same.
    """

    def __init__(self, start_ms: int, *, follows_clock: bool = False) -> None:
        self._last = start_ms - DISCORD_EPOCH_MS - 1
        self._follows_clock = follows_clock

    @classmethod
    def for_seed(cls, seed: int | None) -> Snowflakes:
        """Start at a fixed point for this seed, or at the current time without one.

        A run without a seed never repeats the ids of an earlier run: a client that kept those must not meet them again.
        """
        if seed is None:
            return cls(_now_ms(), follows_clock=True)
        return cls(SEEDED_START_MS - (seed % MAX_SEED_DAYS) * DAY_MS)

    def reserve(self, count: int) -> Reserved:
        """Take the next ids for something that is shown later, when its picture is drawn."""
        return Reserved([self.next() for _ in range(count)])

    def next(self) -> str:
        """Return the next id."""
        self._last += 1
        if self._follows_clock:
            self._last = max(self._last, _now_ms() - DISCORD_EPOCH_MS)
        return str(self._last << 22)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
