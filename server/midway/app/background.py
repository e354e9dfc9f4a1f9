"""Background work that runs as long as the server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)

RESTART_SECONDS = 1.0  # delay after a crash; pending work is in the store, where the restarted part finds it


@asynccontextmanager
async def kept_running(name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run it while the context is open; restart it when it raises or returns."""
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
        except Exception:  # supervised: a bug in one part must not stop the server
            log.exception("crashed; restarting", part=name)
        await asyncio.sleep(RESTART_SECONDS)
