"""Unauthenticated calls are counted in the log, not logged one by one: otherwise anyone could fill the disk."""

import asyncio
from collections import Counter

import grpc
import structlog

log = structlog.get_logger(__name__)

QUIET_SECONDS = 60.0  # between two log lines


class Strangers:
    """Logs how many unauthenticated calls were refused: the first at once, later ones in one line a minute."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()  # by status code, since the last line
        self._pause: asyncio.TimerHandle | None = None  # set while no further line may be logged

    def refused(self, code: grpc.StatusCode) -> None:
        """Count a refused call."""
        self._refused[code.name] += 1
        if self._pause is None:
            self._tell()

    def _tell(self) -> None:
        self._pause = None
        if self._refused:
            log.info("calls without a key were refused", **self._refused)
            self._refused.clear()
            self._pause = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tell)
