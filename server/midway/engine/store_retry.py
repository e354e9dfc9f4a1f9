"""Reads from the Store, retrying until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from midway.store.port import StoreUnavailable

T = TypeVar("T")
log = structlog.get_logger(__name__)

RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)  # between tries while the disk fails; the last one repeats


async def read_patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Read from the Store; retry until it answers."""
    tries = 0
    while True:
        try:
            return await read()
        except StoreUnavailable:
            log.warning("the store fails; trying again", tries=tries)
        await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
        tries += 1
