"""Stores accepted Tasks and hands them to their workers: one Task, or the batch that one request makes.

What was begun goes on when its client hangs up: a Task that was stored must not be left without a worker.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from midway.domain.ids import RequestId, TaskId, TaskIds
from midway.domain.image import InputImage
from midway.domain.lifecycle import Assigned, Cancelled, InputWanted, apply, new_task
from midway.domain.task import Ask, ModalAsk, Task
from midway.engine.clock import Clock
from midway.engine.limits import Limits
from midway.engine.patience import read_patiently
from midway.engine.worker.worker import Worker
from midway.store.port import (
    Entry,
    RequestIdReused,
    RequestKey,
    Store,
    StoreUnavailable,
    Submitted,
    VersionConflict,
    WriteInDoubt,
)

T = TypeVar("T")
BATCH_INCOMPLETE = "the others of its batch could not be stored"

Assign = Callable[[Sequence[Ask]], Sequence[Worker]]  # a worker for each, or a Refusal when one of them finds none


class Placed(Struct, frozen=True):
    """A Task as accepted. `ahead` Tasks wait before it on its Account. `created` is false when it was there already.

    `others` are the further Tasks of its batch.
    """

    task: Task
    created: bool
    ahead: int = 0
    others: tuple[Task, ...] = ()


class _Order(Struct, frozen=True):
    """A Task of a batch to be stored for a worker; `place` counts from 0."""

    ask: Ask
    worker: Worker
    request: RequestKey | None
    place: int


class Placer:
    """Owned by the Intake."""

    def __init__(self, store: Store, limits: Limits, clock: Clock, ids: TaskIds) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._ids = ids
        self._running: set[asyncio.Task[Any]] = set()

    async def place(
        self,
        ask: Ask,
        worker: Worker,
        inputs: Sequence[InputImage],
        request: RequestKey | None,
        wanted: ModalAsk | None = None,
    ) -> Placed:
        """Store one Task and hand it over. Raises RequestIdReused, StoreUnavailable; then nothing was stored."""
        task = self._new(ask, worker, self._ids.next(), wanted=wanted)
        ahead = worker.waiting_count
        with worker.expecting():
            try:
                submitted = await self._store.submit(task, inputs=inputs, request=request)
            except asyncio.CancelledError:
                self._run(self._hand_over(task, inputs, request, worker))
                raise
            except WriteInDoubt:
                self._run(self._take_over(task.id, worker))
                raise
            if submitted.created:
                worker.take(submitted.task)
        return Placed(submitted.task, submitted.created, ahead)

    async def _hand_over(
        self, task: Task, inputs: Sequence[InputImage], request: RequestKey | None, worker: Worker
    ) -> None:
        """Go on alone where a client hung up."""
        with worker.expecting():
            try:
                stored: Task | None = (await self._store.submit(task, inputs=inputs, request=request)).task
            except (VersionConflict, RequestIdReused, StoreUnavailable):
                stored = await read_patiently(lambda: self._store.get(task.id))
            if stored and (stored.id, stored.account_id) == (task.id, worker.id):
                worker.take(stored)

    async def _take_over(self, task_id: TaskId, worker: Worker) -> None:
        """Give a Task that may be stored, and was promised to nobody, its worker: its client may ask again for it."""
        if stored := await read_patiently(lambda: self._store.get(task_id)):
            worker.take(stored)

    async def place_batch(
        self, asks: Sequence[Ask], inputs: Sequence[InputImage], request: RequestKey | None, assign: Assign
    ) -> Placed:
        """Do the same with a Task for each Ask, each naming all: those that the same request has not made yet.

        Raises what `assign` raises, before anything is stored; RequestIdReused; StoreUnavailable: with a request id
        the next try makes those that are missing, without one those that were stored are cancelled.
        """
        keys = [_numbered(request, place) for place in range(len(asks))]
        first = await self._store.by_request(request) if request else None
        batch = first.batch if first else tuple(self._ids.next() for _ in asks)
        made = {batch.index(task.id): task for task in await self._store.get_many(batch)} if first else {}
        missing = [place for place in range(len(asks)) if place not in made]
        workers = assign([asks[place] for place in missing])
        ahead = workers[0].waiting_count if workers else 0
        orders = [_Order(asks[n], worker, keys[n], n) for n, worker in zip(missing, workers, strict=True)]
        expected = ExitStack()  # entered now: between choosing an Account and counting for it nothing else may run
        for worker in workers:
            expected.enter_context(worker.expecting())
        stored = await asyncio.shield(self._run(self._store_batch(orders, batch, inputs, expected)))
        made |= {order.place: each.task for order, each in zip(orders, stored, strict=True)}
        tasks = [made[place] for place in range(len(asks))]
        return Placed(tasks[0], any(each.created for each in stored), ahead, others=tuple(tasks[1:]))

    async def settle(self) -> None:
        """Return when every Task that was being stored is in its worker's hands."""
        if self._running:
            await asyncio.wait(self._running)

    def _run(self, placing: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin what no client can break off."""
        running = asyncio.create_task(placing, name="place")
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return running

    async def _store_batch(
        self, orders: Sequence[_Order], batch: tuple[TaskId, ...], inputs: Sequence[InputImage], expected: ExitStack
    ) -> list[Submitted]:
        """Store each Task and hand it over. The first one goes first: its names for the batch count."""
        outcomes: list[Submitted | BaseException] = []
        with expected:
            for stage in filter(None, (orders[:1], orders[1:])):
                storing = (self._stored(order, batch, inputs if order.place == 0 else ()) for order in stage)
                outcomes += await asyncio.gather(*storing, return_exceptions=True)
                if isinstance(outcomes[0], BaseException):
                    raise outcomes[0]
                batch = outcomes[0].task.batch or batch
            problem = next((each for each in outcomes if isinstance(each, BaseException)), None)
            done = [(order, each) for order, each in zip(orders, outcomes, strict=True) if isinstance(each, Submitted)]
            for order, each in done:
                if problem and not order.request:
                    await self._take_back(order.worker, each.task)
                elif each.created:
                    order.worker.take(each.task)
        if problem:
            raise problem
        return [each for _, each in done]

    async def _stored(self, order: _Order, batch: tuple[TaskId, ...], inputs: Sequence[InputImage]) -> Submitted:
        task = self._new(order.ask, order.worker, batch[order.place], batch)
        try:
            return await self._store.submit(task, inputs=inputs, request=order.request)
        except WriteInDoubt:
            self._run(self._take_over(task.id, order.worker))
            raise

    def _new(
        self,
        ask: Ask,
        worker: Worker,
        task_id: TaskId,
        batch: tuple[TaskId, ...] = (),
        wanted: ModalAsk | None = None,
    ) -> Task:
        now = self._clock.now()
        home = Assigned(worker.id, worker.config.channel_id)
        task = new_task(ask, task_id=task_id, now=now, home=home, batch=batch)
        return apply(task, InputWanted(wanted, now + self._limits.input_timeout), now) if wanted else task

    async def _take_back(self, worker: Worker, task: Task) -> None:
        """Cancel a Task of which nobody will ever hear."""
        try:
            cancelled = apply(task, Cancelled(BATCH_INCOMPLETE), self._clock.now())
            await self._store.append(Entry(task=replace(cancelled, version=task.version + 1)))
        except (StoreUnavailable, VersionConflict):  # what is stored has a worker
            self._run(self._take_over(task.id, worker))


def _numbered(request: RequestKey | None, place: int) -> RequestKey | None:
    """Derive the key of a Task of a batch; the first one's is the request's own."""
    if request is None or place == 0:
        return request
    return RequestKey(RequestId(f"{request.id}#{place + 1}"), request.payload_digest)
