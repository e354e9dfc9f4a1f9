"""A defect ends an account's worker in the middle of something. It begins anew from the store, and nothing is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.discord.client import DiscordClient
from midway.discord.port import EventSink
from midway.domain.action import Action
from midway.domain.task import Ask, State
from midway.engine.core.listener import Listener

from tests.faults.faulty_store import FaultyStore, enters
from tests.faults.stage import stage
from tests.faults.test_wall_clock import FORWARD, is_taken_over
from tests.support.clocks import Machine
from tests.support.pictures import plain_picture
from tests.support.processes import PATIENCE_SECONDS
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

    def begin(self) -> None:
        """Let it happen, and do not wait."""
        self._strikes.set()

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


async def test_a_task_that_is_accepted_while_the_worker_begins_anew_runs(
    simulator: Simulator, tmp_path: Path, defect: Defect
) -> None:
    """What it read was older; the Task lay in the store, and nobody knew of it before the next restart."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        hold = faulty.hold_once("find")
        defect.begin()
        await hold.done()
        task = await rig.imagine("a red fox")
        hold.release()

        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_clock_that_is_set_while_a_worker_ends_is_followed(
    simulator: Simulator, tmp_path: Path, defect: Defect
) -> None:
    """The worker's end was taken for the end of him who follows the clock: no step counted any more."""
    faulty, machine = FaultyStore(), Machine()
    async with stage(simulator, tmp_path, clock=machine.clock(), through=faulty.around) as rig:
        hold = faulty.hold_once("append", enters(State.SUBMITTING))
        task = await rig.imagine("a red fox")
        await hold.done()
        worker = rig.engine._workers[rig.engine.accounts()[0].id]
        asked = asyncio.Event()
        stand_still = worker._stand_still

        async def seen(stopped: asyncio.Event, resume: asyncio.Event) -> None:
            asked.set()
            await stand_still(stopped, resume)

        worker._stand_still = seen  # type: ignore[method-assign]  # the test looks on
        machine.set_clock(**FORWARD)
        await asked.wait()
        await defect.strike()
        hold.release()

        await assert_own_picture(rig, await rig.succeeded(task))
        await is_taken_over(rig)


async def test_a_server_stops_although_the_clock_was_set_while_a_worker_begins_anew(
    simulator: Simulator, tmp_path: Path, defect: Defect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows the clock waited for a worker that nobody ran any more."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 0.1)
    faulty, machine = FaultyStore(), Machine()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        stage(simulator, tmp_path, clock=machine.clock(), through=faulty.around) as rig,
    ):
        faulty.refuse("recent_attempts")
        defect.begin()
        await eventually(lambda: faulty.refusals > 0, "the worker has ended, and reads in vain")
        machine.set_clock(**FORWARD)
        worker = rig.engine._workers[rig.engine.accounts()[0].id]
        await eventually(lambda: worker._inbox.waiting > 0, "the worker is asked to stand still")

    assert rig.engine._running is not None
    assert rig.engine._running.done()


async def test_who_asks_a_worker_that_ends_is_answered_by_the_next(
    simulator: Simulator, tmp_path: Path, defect: Defect
) -> None:
    """The call ended as cancelled, as if its own client had hung up."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 0}, through=faulty.around) as rig:
        task = await rig.imagine("a red fox")
        worker = rig.engine._workers[rig.engine.accounts()[0].id]
        worker._ledger.drop(task.id)  # as an old one that left the memory
        hold = faulty.hold_once("get")
        calling = asyncio.create_task(worker.service.cancel(task.id))
        await hold.done()
        await defect.strike()
        hold.release()

        answered = await calling
        assert answered is not None
        assert answered.state is State.CANCELLED


async def test_a_wish_about_an_old_task_holds_up_no_other_while_the_disk_hangs(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The worker waited for the disk, and every event with it."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        old = await rig.succeeded(await rig.imagine("a red fox"))
        worker = rig.engine._workers[rig.engine.accounts()[0].id]
        worker._ledger.drop(old.id)
        hold = faulty.hold_once("get", lambda task_id: task_id == old.id)
        calling = asyncio.create_task(worker.service.cancel(old.id))
        await hold.done()

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a blue cat")))
        hold.release()
        answered = await calling
        assert answered is not None
        assert answered.state is State.SUCCEEDED


def breaks_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Break a method of the listener, once."""
    sound = getattr(Listener, name)

    def broken(listener: Listener, *args: Any, **named: Any) -> Any:
        monkeypatch.setattr(Listener, name, sound)
        raise RuntimeError("a defect")

    monkeypatch.setattr(Listener, name, broken)


async def test_a_defect_after_an_interaction_was_decided_does_not_hold_it_up(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parked message broke; the Attempt was neither stored nor sent, and the account sent nothing any more."""
    async with stage(simulator, tmp_path, pace=0.05) as rig:
        breaks_once(monkeypatch, "woken")
        for prompt in ("a red fox", "a blue cat"):
            await assert_own_picture(rig, await rig.succeeded(await rig.imagine(prompt)))


async def test_a_defect_by_one_message_of_the_history_costs_that_one(
    quick: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look never came to its end, and there was no other any more."""
    await quick.succeeded(await quick.imagine("a red fox"))
    breaks_once(monkeypatch, "read_again")
    await quick.control("faults", fault="EventLost", event="MESSAGE_CREATE", content=r"\((fast|relaxed|turbo)\)(?!.*%)")

    await assert_own_picture(quick, await quick.succeeded(await quick.imagine("a blue cat")))
