"""The engine for an incident: it asks nothing by itself, so that a fault strikes what the test sends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from discord_simulator.app import Simulator
from midway.domain.ids import AccountId
from midway.domain.task import Task
from midway.engine.clock import Clock
from midway.store.port import Store

from tests.support.processes import slowness
from tests.support.rig import IMPATIENT, QUICK, Rig, engine_running


@asynccontextmanager
async def stage(
    simulator: Simulator,
    path: Path,
    *,
    accounts: int = 1,
    clock: Clock | None = None,
    through: Callable[[Store], Store] | None = None,
    config: dict[str, Any] | None = None,
    patience: dict[str, float] | None = None,
    **limits: Any,
) -> AsyncIterator[Rig]:
    """Run an engine; `limits` are those of `engine.limits`, `config` is for every account, `patience` the client's.

    Durations are in seconds on an idle machine, longer on a busy one.
    """
    longer = slowness()
    bounds: dict[str, Any] = {
        name: timedelta(seconds=value * longer) if isinstance(getattr(QUICK, name), timedelta) else value
        for name, value in limits.items()
    }
    calm = replace(QUICK, sync_settings=False, **bounds)
    waits: dict[str, Any] = {name: timedelta(seconds=value * longer) for name, value in (patience or {}).items()}
    async with engine_running(
        simulator,
        path,
        accounts=accounts,
        limits=calm,
        clock=clock,
        through=through,
        patience=replace(IMPATIENT, **waits),
        **config or {},
    ) as rig:
        yield rig


async def crash(rig: Rig) -> None:
    """Stop the engine in the middle of everything, as a kill would: nothing is said or written any more."""
    running = rig.engine._running
    assert running is not None
    running.cancel()
    await asyncio.wait([running])


def has_message(rig: Rig, task: Task) -> bool:
    """Tell whether the engine has written down a message of the bot for a Task; no field of the Task shows it."""
    worker = rig.engine._workers[task.account_id or AccountId("")]
    return not worker._journal.waiting and any(each.message_ids for each in worker._ledger.attempts(task.id))
