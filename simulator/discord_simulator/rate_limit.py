"""Discord's per-route rate limit, as a window of one second."""

from __future__ import annotations

import time

WINDOW_SECONDS = 1.0


class RateLimit:
    """Counts one account's interactions within the present window."""

    def __init__(self) -> None:
        self._started = 0.0
        self._used = 0

    def take(self, limit: int) -> float:
        """Count one request; return 0, or the seconds to wait if the window is full."""
        now = time.monotonic()
        if now - self._started >= WINDOW_SECONDS:
            self._started, self._used = now, 0
        if self._used >= limit:
            return self._remaining_seconds()
        self._used += 1
        return 0.0

    def headers(self, limit: int) -> dict[str, str]:
        """Describe the window; discord.py-self needs all five as soon as there is one."""
        remaining = self._remaining_seconds()
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - self._used)),
            "X-RateLimit-Reset": f"{time.time() + remaining:.3f}",
            "X-RateLimit-Reset-After": f"{remaining:.3f}",
            "X-RateLimit-Bucket": "interactions",
        }

    def _remaining_seconds(self) -> float:
        return max(0.0, self._started + WINDOW_SECONDS - time.monotonic())
