"""A defect ends an account's worker in the middle of something. It begins anew from the store, and nothing is lost."""

import asyncio
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.discord.client import DiscordClient
from midway.discord.port import EventSink
from midway.domain.action import Action
from midway.domain.task import Ask, State

from tests.faults.faulty_store import FaultyStore, enters
from tests.faults.stage import stage
from tests.support.pictures import plain_picture
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, jobs, posts


class Defect:
    """Breaks the connection of an account in a way that nobody foresaw, once, when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        self._strikes = asyncio.Event()
        run = DiscordClient.run

        async def breakable(client: DiscordClient, sink: EventSink) -> None:
            self.runs += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(self._strike())
                await run(client, sink)

        monkeypatch.setattr(DiscordClient, "run", breakable)

    async def _strike(self) -> None:
        await self._strikes.wait()
        self._strikes.clear()
        raise RuntimeError("a defect")

    async def strike(self) -> None:
        """Let it happen; return when the worker has begun anew."""
        self._strikes.set()
        before = self.runs
        await eventually(lambda: self.runs > before, "the worker began anew")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker begins anew without a pause."""
    monkeypatch.setattr("midway.engine.engine.WORKER_RESTART_SECONDS", 0.05)


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> Defect:
    """What ends a worker."""
    return Defect(monkeypatch)


@pytest.mark.parametrize("state", [State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS, State.SUCCEEDED])
async def test_a_worker_that_ends_while_it_writes_goes_on(
    simulator: Simulator, tmp_path: Path, defect: Defect, state: State
) -> None:
    """Memory stayed one revision behind the store, and every later event of the Task was thrown away."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, ack_timeout=1, idle_timeout=1, through=faulty.around) as rig:
        hold = faulty.hold_once("append", enters(state))
        task = await rig.imagine("a red fox")
        await hold.done()
        await defect.strike()

        await assert_own_picture(rig, await rig.succeeded(task))
        assert len(posts(rig)) == len(jobs(rig)) == 1
        assert rig.engine.accounts()[0].running == 0


async def test_a_worker_that_ends_while_it_prepares_goes_on(
    simulator: Simulator, tmp_path: Path, defect: Defect
) -> None:
    """The Task counted as being prepared for ever: it was never sent, and its slot was gone."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 1}, through=faulty.around) as rig:
        hold = faulty.hold_once("inputs")
        ask = Ask(action=Action.BLEND, image_count=2)
        task = (await rig.engine.submit(ask, [plain_picture("red"), plain_picture("blue")])).task
        await hold.done()
        await defect.strike()

        await assert_own_picture(rig, await rig.succeeded(task))
        await rig.succeeded(await rig.imagine("a red fox"))


async def test_a_worker_that_ends_while_it_draws_follows_its_jobs(defect: Defect, rig: Rig) -> None:
    """Two jobs were being drawn."""
    tasks = [await rig.imagine(f"fox number {number} __slow") for number in range(2)]
    for task in tasks:
        await rig.until(task.id, State.IN_PROGRESS)
    await defect.strike()

    for task in tasks:
        await assert_own_picture(rig, await rig.succeeded(task))
    assert len(posts(rig)) == 2
