"""Calls of those who showed no key: counted in the log, not told one by one. Else a stranger fills it as he likes."""

import asyncio
from collections import Counter

import grpc
import structlog

log = structlog.get_logger(__name__)

QUIET_SECONDS = 60.0  # between two lines


class Strangers:
    """Says how many of their calls were refused: the first one at once, those after it once a minute."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()  # by code, since the last line
        self._pause: asyncio.TimerHandle | None = None  # until the next line may come

    def refused(self, code: grpc.StatusCode) -> None:
        """Count a call."""
        self._refused[code.name] += 1
        if self._pause is None:
            self._tell()

    def _tell(self) -> None:
        self._pause = None
        if self._refused:
            log.info("calls without a key were refused", **self._refused)
            self._refused.clear()
            self._pause = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tell)
