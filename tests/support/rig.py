"""The engine on its real parts: SQLite on disk, discord.py-self over sockets, the simulator."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import midway.store
from discord_simulator.app import Simulator
from discord_simulator.tokens import user_token
from midway.discord.client import DiscordClient
from midway.discord.endpoints import Endpoints
from midway.discord.settings import ClientSettings
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.ids import AccountId, ChannelId, GuildId, TaskId
from midway.domain.task import Ask, State, Task
from midway.engine.account_config import AccountConfig
from midway.engine.banned import BannedWords
from midway.engine.clock import Clock
from midway.engine.engine import Engine
from midway.engine.limits import Limits
from midway.engine.translate import NoTranslator
from midway.pictures.checks import PictureLimits
from midway.store import sqlite_url
from midway.store.port import Store
from midway.store.watch import Watch

from tests.support.downloads import downloaded
from tests.support.processes import PATIENCE_SECONDS

QUICK = Limits(
    pace=timedelta(0),
    ack_timeout=timedelta(seconds=15),
    final_grace=timedelta(seconds=1),
    queue_full_pause=timedelta(milliseconds=200),
    seed_timeout=timedelta(seconds=10),
)
IMPATIENT = ClientSettings(backoff_first=timedelta(milliseconds=100))  # a new connection at once


def account_config(number: int, **changes: Any) -> AccountConfig:
    """Return the configuration of one of the simulator's accounts."""
    config = AccountConfig(
        id=AccountId(str(300000000000000000 + number)),
        token=user_token(number),
        guild_id=GuildId(str(200000000000000000 + number)),
        channel_id=ChannelId(str(300000000000000000 + number)),
    )
    return replace(config, **changes)


@dataclass
class Rig:
    """A running engine and the simulator it talks to."""

    engine: Engine
    simulator: Simulator
    store: Store
    clients: dict[AccountId, DiscordClient] = field(default_factory=dict)

    async def connected(self) -> None:
        """Return when every account has a session."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # No stream tells of accounts, so this asks until it is true.
            while any(a.state is AccountState.DISCONNECTED for a in self.engine.accounts()):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)

    async def imagine(self, prompt: str, **ask: Any) -> Task:
        """Submit an imagine and return its Task as accepted."""
        return (await self.engine.submit(Ask(action=Action.IMAGINE, prompt=prompt, **ask))).task

    async def press(self, parent: Task, label: str, **ask: Any) -> Task:
        """Press a parent's button by its label or emoji."""
        button = next(button for button in parent.buttons if label in {button.label, button.emoji})
        pressed = Ask(action=Action.PRESS, parent_id=parent.id, custom_id=button.custom_id, **ask)
        return (await self.engine.submit(pressed)).task

    async def change(self, parent: Task, action: Action, index: int | None = None) -> Task:
        """Ask for U, V or R by index."""
        return (await self.engine.submit(Ask(action=action, parent_id=parent.id, index=index))).task

    async def until(self, task_id: TaskId, *states: State) -> Task:
        """Follow a Task until it is in one of these states (or has ended)."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for task in self.engine.watch.watch(task_id):
                if task.state in states or task.state.is_terminal:
                    return task
        raise AssertionError("the watch ended before the task did")

    async def ended(self, task: Task) -> Task:
        """Follow a Task to its end."""
        return await self.until(task.id)

    async def succeeded(self, task: Task) -> Task:
        """Follow a Task to its end, which must be a good one."""
        ended = await self.ended(task)
        assert ended.state is State.SUCCEEDED, ended.failure
        return ended

    async def picture(self, task: Task) -> bytes:
        """Read a Task's picture from Discord, whole."""
        return await downloaded(partial(self.engine.fetch_picture, task))

    def journal(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the simulator's journal."""
        return list(self.simulator.world.journal.lines(after=0, kind=kind))

    async def control(self, what: str, **body: Any) -> None:
        """Steer the simulator over its control API."""
        await control(self.simulator, what, **body)


async def control(simulator: Simulator, what: str, **body: Any) -> None:
    """Steer a simulator over its control API."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{simulator.url}/__sim/{what}", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()


@asynccontextmanager
async def simulator_running(accounts: int = 2, speed: float = 100, **options: Any) -> AsyncIterator[Simulator]:
    """Run a simulator without a seed, so that no two runs share an id."""
    async with Simulator(accounts=accounts, speed=speed, **options) as simulator:
        yield simulator


@asynccontextmanager
async def engine_running(
    simulator: Simulator,
    path: Path,
    *,
    accounts: int = 2,
    limits: Limits = QUICK,
    banned: Path | None = None,
    clock: Clock | None = None,
    through: Callable[[Store], Store] | None = None,
    patience: ClientSettings = IMPATIENT,
    **config: Any,
) -> AsyncIterator[Rig]:
    """Run an engine on a SQLite file against the simulator; connected when it is given.

    `through` puts something between the engine and its store; `patience` is its client's with Discord.
    """
    configs = [account_config(number, **config) for number in range(1, accounts + 1)]
    endpoints = Endpoints.simulator(simulator.url)
    clients = {
        each.id: DiscordClient(
            each.token, each.guild_id or GuildId(""), endpoints=endpoints, settings=patience, proxy=each.proxy
        )
        for each in configs
    }
    async with midway.store.open(sqlite_url(path / "midway.db")) as opened:
        store = through(opened) if through else opened
        async with Watch(store) as watch:
            engine = Engine(
                store=store,
                watch=watch,
                connections=clients,
                accounts=configs,
                limits=limits,
                banned=BannedWords(banned),
                translator=NoTranslator(),
                pictures=PictureLimits(),
                clock=clock,
            )
            async with engine:
                rig = Rig(engine, simulator, store, clients)
                await rig.connected()
                yield rig
