"""The queue through which everything reaches a worker's loop, so that its state changes in one place only."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from msgspec import Struct

from midway.domain.errors import Reason, Unavailable

T = TypeVar("T")
log = structlog.get_logger(__name__)

LONGEST_TURN_SECONDS = 0.005  # of steps without giving way to other asyncio tasks


class Step(Struct, frozen=True):
    """A piece of work for the loop; its result is set on `done` when a caller waits for it."""

    run: Callable[[], Awaitable[Any]]
    done: asyncio.Future[Any] | None = None


class Inbox:
    """Steps in the order they came, run one at a time by `run_waiting`."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many steps wait."""
        return len(self._steps)

    def put(self, run: Callable[[], Awaitable[Any]]) -> None:
        """Add a step without waiting for it. If it raises, that is logged, and the next step runs."""
        self._put(Step(run))

    async def ask(self, run: Callable[[], Awaitable[T]]) -> T:
        """Add a step and return its result; its exception is raised here. Raises Unavailable when the worker ends."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(Step(run, done))
        try:
            return await done
        finally:
            del done, run  # breaks a reference cycle of the exception, its traceback and what `run` holds

    async def run_waiting(self, nap: timedelta) -> None:
        """Run the steps that wait now. If there are none, wait for one, at most for `nap`."""
        if not self._steps:
            await self._sleep(max(nap.total_seconds(), 0))
        began = time.monotonic()
        for _ in range(len(self._steps)):  # not those that come meanwhile: the loop has other things to do in between
            await self._run(self._steps.popleft())
            if time.monotonic() - began > LONGEST_TURN_SECONDS:
                await asyncio.sleep(0)  # let other asyncio tasks run
                began = time.monotonic()

    def _put(self, step: Step) -> None:
        self._steps.append(step)
        self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        """Return after so many seconds, or when a step comes."""
        self._wake.clear()
        alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _run(self, step: Step) -> None:
        if step.done is not None:
            await self._run_for(step, step.done)
            return
        try:
            await step.run()
        except Exception:  # supervised: one bad event must not end the loop
            log.exception("an event could not be handled")

    async def _run_for(self, step: Step, done: asyncio.Future[Any]) -> None:
        """Run a step that a caller waits for, and pass it the result or the exception."""
        try:
            result = await step.run()
        except Exception as err:  # noqa: BLE001 - supervised: raised again where `ask` waits
            if not done.done():
                done.set_exception(err)
            del step, done  # see `ask`
            return
        except asyncio.CancelledError:
            if not done.done():
                done.set_exception(_ended())
            raise
        if not done.done():
            done.set_result(result)


def _ended() -> Unavailable:
    """Return the error of a step that the worker's end cut off. The caller was not cancelled: no CancelledError."""
    return Unavailable(Reason.ACCOUNT_UNAVAILABLE, "the account's worker ended meanwhile; ask again")
