"""Exponential back-off with jitter for reconnects."""

import random
from datetime import timedelta


class Backoff:
    """Doubles the wait with each failure, up to a cap; each wait is random, between half and all of that."""

    def __init__(self, first: timedelta, cap: timedelta) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    def reset(self) -> None:
        """Start again with the first wait, after a successful connection."""
        self._failures = 0

    def next(self) -> timedelta:
        """Return the next wait."""
        # The exponent is bounded: after a week without network the number would have thousands of bits.
        longest = min(self._first * (1 << min(self._failures, 20)), self._cap)
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, protects nothing
