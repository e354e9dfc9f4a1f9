"""A real store with one thing wrong at a time: it refuses a call, or its answer is late."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from midway.domain.task import State
from midway.store.port import Entry, Store, StoreUnavailable, WriteInDoubt

from tests.support.processes import PATIENCE_SECONDS

Condition = Callable[..., bool]
Fault = Callable[..., Awaitable[Any]]

FULL = StoreUnavailable("the disk was full for a moment")


class Hold:
    """A call whose work is done on disk and whose answer is kept back until `release`."""

    def __init__(self) -> None:
        self._is_done = asyncio.Event()
        self._may_answer = asyncio.Event()

    async def done(self) -> None:
        """Return when the store has done what the call asked for."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._is_done.wait()

    def release(self) -> None:
        """Let the answer go."""
        self._may_answer.set()

    async def keep(self) -> None:
        """Keep an answer back."""
        self._is_done.set()
        await self._may_answer.wait()


class FaultyStore:
    """Stands between an engine and its store: `stage(..., through=faulty.around)`. Each fault happens once."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._store: Store
        self.refusals = 0  # by `refuse`

    def around(self, store: Store) -> Store:
        """Take the store that does the work."""
        self._store = store
        return cast("Store", self)

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._store, verb)
        fault = self._faults.get(verb)
        return partial(fault, real) if fault else real

    def refuse_once(
        self,
        verb: str,
        when: Condition = lambda *_args, **_named: True,
        *,
        error: Exception = FULL,
    ) -> None:
        """Refuse the next such call, as a full or busy disk does; nothing is stored."""

        async def refusing(real: Fault, *args: Any, **named: Any) -> Any:
            if when(*args, **named):
                del self._faults[verb]
                raise error
            return await real(*args, **named)

        self._faults[verb] = refusing

    def refuse(self, verb: str, *, error: Exception = FULL) -> Callable[[], None]:
        """Refuse every such call from now on; return what ends that."""

        async def refusing(*_args: Any, **_named: Any) -> Any:
            self.refusals += 1
            raise error

        def mend() -> None:
            del self._faults[verb]

        self._faults[verb] = refusing
        return mend

    def doubt_once(self, verb: str) -> None:
        """Do what the next such call asks for, and say that the database was taken away meanwhile."""

        async def doubting(real: Fault, *args: Any, **named: Any) -> Any:
            self._faults.pop(verb, None)
            await real(*args, **named)
            raise WriteInDoubt("the database was taken away while this was written")

        self._faults[verb] = doubting

    def hold_once(self, verb: str, when: Condition = lambda *_args, **_named: True) -> Hold:
        """Keep the answer to the next such call back."""
        hold = Hold()

        async def holding(real: Fault, *args: Any, **named: Any) -> Any:
            answer = await real(*args, **named)
            if when(*args, **named) and verb in self._faults:
                del self._faults[verb]
                await hold.keep()
            return answer

        self._faults[verb] = holding
        return hold


def enters(state: State) -> Condition:
    """Pick the `append` by which a Task comes into a state."""

    def is_entered(*entries: Entry) -> bool:
        return any(entry.task is not None and entry.task.state is state for entry in entries)

    return is_entered
