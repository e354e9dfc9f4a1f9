"""Work that goes on beside the calls for as long as the server runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)

RESTART_SECONDS = 1.0  # after a defect; what is to be done lies in the store and is found again


@asynccontextmanager
async def kept_running(name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run it while the context is open; begin it again when a defect ends it."""
    task = asyncio.create_task(_supervise(name, run), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:  # supervised: one part's defect must not stop the server
            log.exception("ended by a defect; it begins again", part=name)
        await asyncio.sleep(RESTART_SECONDS)
