"""How long to wait before connecting again."""

import random
from datetime import timedelta


class Backoff:
    """Doubles the wait with each failure, up to a cap, and draws each between half and all of it."""

    def __init__(self, first: timedelta, cap: timedelta) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    def reset(self) -> None:
        """Begin anew: the last connection was good."""
        self._failures = 0

    def next(self) -> timedelta:
        """Return the next wait."""
        # Bounded before the shift, so that a week without network makes no number of a million bits.
        longest = min(self._first * (1 << min(self._failures, 20)), self._cap)
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, protects nothing
