"""Reading streams in a test: a hub that tells when a reader begins to wait."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.store.port import Store
from midway.store.watch import LOST_RING, Watch


class ObservedWatch(Watch):
    """A Watch that sets an event when a reader begins to wait."""

    def __init__(self, store: Store, lost_ring: timedelta = LOST_RING) -> None:
        super().__init__(store, lost_ring=lost_ring)
        self.reader_waits = asyncio.Event()

    def expect(self, task_id: TaskId | None) -> "asyncio.Future[bool]":
        self.reader_waits.set()
        return super().expect(task_id)


async def begin_waiting(hub: ObservedWatch, stream: AsyncIterator[Task]) -> "asyncio.Task[Task]":
    """Return a read of the stream that found nothing new and waits."""
    hub.reader_waits.clear()
    reading = asyncio.ensure_future(anext(stream))
    await hub.reader_waits.wait()
    return reading


async def read_if_there(hub: ObservedWatch, stream: AsyncIterator[Task]) -> Task | None:
    """Read a snapshot; None when the stream has ended or would wait, the wait being cut off as by a heartbeat."""
    hub.reader_waits.clear()
    reading = asyncio.ensure_future(anext(stream))
    waiting = asyncio.ensure_future(hub.reader_waits.wait())
    await asyncio.wait([reading, waiting], return_when=asyncio.FIRST_COMPLETED)
    for unfinished in (reading, waiting):
        unfinished.cancel()
    [outcome, _] = await asyncio.gather(reading, waiting, return_exceptions=True)
    return outcome if isinstance(outcome, Task) else None


async def give_up(*readings: "asyncio.Task[Task]") -> None:
    """Cancel the reads and wait until they are gone."""
    for reading in readings:
        reading.cancel()
    await asyncio.wait(readings)
