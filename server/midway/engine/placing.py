"""Stores accepted Tasks and passes them to their workers: one Task, or the batch of one request.

Storing goes on when its client disconnects: a stored Task must not be left without a worker.
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
from midway.engine.store_retry import read_patiently
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

Assign = Callable[[Sequence[Ask]], Sequence[Worker]]  # returns a worker for each Ask; raises a Refusal if one has none


class Placed(Struct, frozen=True):
    """An accepted Task. `created` is false when it existed already; `ahead` counts the Tasks before it in the queue.

    `others` are the other Tasks of its batch.
    """

    task: Task
    created: bool
    ahead: int = 0
    others: tuple[Task, ...] = ()


class _Order(Struct, frozen=True):
    """A Task of a batch that is to be stored; `number` is its index in the batch, from 0."""

    ask: Ask
    worker: Worker
    request: RequestKey | None
    number: int


class Placer:
    """Stores Tasks. Owned by the Intake."""

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
        """Store a Task and pass it to its worker. Raises RequestIdReused, StoreUnavailable; then nothing was stored."""
        task = self._new(ask, worker, self._ids.next(), wanted=wanted)
        ahead = worker.waiting_count
        with worker.expecting():
            try:
                submitted = await self._store.submit(task, inputs=inputs, request=request)
            except asyncio.CancelledError:
                self._run(self._place_without_client(task, inputs, request, worker))
                raise
            except WriteInDoubt:
                self._run(self._take_over(task.id, worker))
                raise
            if submitted.created:
                worker.take(submitted.task)
        return Placed(submitted.task, submitted.created, ahead)

    async def _place_without_client(
        self, task: Task, inputs: Sequence[InputImage], request: RequestKey | None, worker: Worker
    ) -> None:
        """Finish `place` after its client has disconnected."""
        with worker.expecting():
            try:
                stored: Task | None = (await self._store.submit(task, inputs=inputs, request=request)).task
            except (VersionConflict, RequestIdReused, StoreUnavailable):
                stored = await read_patiently(lambda: self._store.get(task.id))
            if stored and (stored.id, stored.account_id) == (task.id, worker.id):
                worker.take(stored)

    async def _take_over(self, task_id: TaskId, worker: Worker) -> None:
        """Pass a Task to its worker if it was stored after all, though its submit failed: its client may repeat it."""
        if stored := await read_patiently(lambda: self._store.get(task_id)):
            worker.take(stored)

    async def place_batch(
        self, asks: Sequence[Ask], inputs: Sequence[InputImage], request: RequestKey | None, assign: Assign
    ) -> Placed:
        """Store a Task for each Ask and pass it to its worker, except those that the same request has already made.

        Each Task holds the ids of the whole batch.
        Raises what `assign` raises, before anything is stored; RequestIdReused; StoreUnavailable: with a request id
        the next try makes the missing Tasks, without one those that were stored are cancelled.
        """
        keys = [_numbered(request, number) for number in range(len(asks))]
        first = await self._store.by_request(request) if request else None
        batch = first.batch if first else tuple(self._ids.next() for _ in asks)
        made = {batch.index(task.id): task for task in await self._store.get_many(batch)} if first else {}
        missing = [number for number in range(len(asks)) if number not in made]
        workers = assign([asks[number] for number in missing])
        ahead = workers[0].waiting_count if workers else 0
        orders = [_Order(asks[n], worker, keys[n], n) for n, worker in zip(missing, workers, strict=True)]
        expected = ExitStack()  # entered now: the Tasks must be counted before any other request chooses an Account
        for worker in workers:
            expected.enter_context(worker.expecting())
        stored = await asyncio.shield(self._run(self._store_batch(orders, batch, inputs, expected)))
        made |= {order.number: each.task for order, each in zip(orders, stored, strict=True)}
        tasks = [made[number] for number in range(len(asks))]
        return Placed(tasks[0], any(each.created for each in stored), ahead, others=tuple(tasks[1:]))

    async def settle(self) -> None:
        """Return when every Task that was being stored has been passed to its worker."""
        if self._running:
            await asyncio.wait(self._running)

    def _run(self, placing: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Start an asyncio task that goes on when the client disconnects."""
        running = asyncio.create_task(placing, name="place")
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return running

    async def _store_batch(
        self, orders: Sequence[_Order], batch: tuple[TaskId, ...], inputs: Sequence[InputImage], expected: ExitStack
    ) -> list[Submitted]:
        """Store each Task and pass it to its worker. The first is stored before the others: its batch ids are valid."""
        outcomes: list[Submitted | BaseException] = []
        with expected:
            for stage in filter(None, (orders[:1], orders[1:])):
                storing = (self._stored(order, batch, inputs if order.number == 0 else ()) for order in stage)
                outcomes += await asyncio.gather(*storing, return_exceptions=True)
                if isinstance(outcomes[0], BaseException):
                    raise outcomes[0]
                batch = outcomes[0].task.batch or batch
            problem = next((each for each in outcomes if isinstance(each, BaseException)), None)
            done = [(order, each) for order, each in zip(orders, outcomes, strict=True) if isinstance(each, Submitted)]
            for order, each in done:
                if problem and not order.request:
                    await self._cancel(order.worker, each.task)
                elif each.created:
                    order.worker.take(each.task)
        if problem:
            raise problem
        return [each for _, each in done]

    async def _stored(self, order: _Order, batch: tuple[TaskId, ...], inputs: Sequence[InputImage]) -> Submitted:
        task = self._new(order.ask, order.worker, batch[order.number], batch)
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

    async def _cancel(self, worker: Worker, task: Task) -> None:
        """Cancel a stored Task of a failed batch: the client will never get its id."""
        try:
            cancelled = apply(task, Cancelled(BATCH_INCOMPLETE), self._clock.now())
            await self._store.append(Entry(task=replace(cancelled, version=task.version + 1)))
        except (StoreUnavailable, VersionConflict):  # it stays stored, so it needs its worker
            self._run(self._take_over(task.id, worker))


def _numbered(request: RequestKey | None, number: int) -> RequestKey | None:
    """Derive the request key of a Task of a batch from its number; the first Task has the request's own key."""
    if request is None or number == 0:
        return request
    return RequestKey(RequestId(f"{request.id}#{number + 1}"), request.payload_digest)
