"""Discord ids: ever-increasing 64-bit numbers, written as decimal strings."""

from __future__ import annotations

import itertools
import time

DISCORD_EPOCH_MS = 1_420_070_400_000  # 2015-01-01T00:00:00Z; bits 22 and up of a snowflake count from here
SEEDED_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z; where the ids of a seeded run begin
DAY_MS = 86_400_000
MAX_SEED_DAYS = 1000  # seeds further apart than this share ids; far enough for any test


class Snowflakes:
    """Gives out ids one millisecond apart, each greater than the one before."""

    def __init__(self, start_ms: int) -> None:
        self._milliseconds = itertools.count(start_ms - DISCORD_EPOCH_MS)

    @classmethod
    def for_seed(cls, seed: int | None) -> Snowflakes:
        """Start where this seed always starts, or at the present time when there is none.

        A run without a seed never repeats the ids of an earlier run: a client that kept those must not meet them again.
        """
        if seed is None:
            return cls(time.time_ns() // 1_000_000)
        return cls(SEEDED_START_MS - (seed % MAX_SEED_DAYS) * DAY_MS)

    def next(self) -> str:
        """Give the next id."""
        return str(next(self._milliseconds) << 22)
