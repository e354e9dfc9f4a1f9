"""The disk refuses for a moment: full, or busy. What was ready then is done a moment later, and no slot leaks."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.ids import Nonce, RequestId, Revision
from midway.domain.lifecycle import Noticed, apply
from midway.domain.task import Ask, State, Task
from midway.engine.core import outcomes
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside
from midway.engine.core.outcomes import NOT_SENT
from midway.engine.worker.upstream import MOST_POSTPONED
from midway.store.port import Entry, RequestKey, StoreUnavailable, TaskQuery

from tests.faults.faulty_store import FaultyStore, enters
from tests.faults.stage import stage
from tests.support.pictures import mask_for, plain_picture
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, jobs, noticed, posts, requests
from tests.support.writes import write


async def test_a_store_that_refuses_an_attempt_once_delays_its_task_only(simulator: Simulator, tmp_path: Path) -> None:
    """The Task was lost between two lists: it was never sent, and held its slot until the next restart."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 1}, through=faulty.around) as rig:
        faulty.refuse_once("append", enters(State.SUBMITTING))
        first = await rig.imagine("a red fox")
        second = await rig.imagine("a blue cat")

        await assert_own_picture(rig, await rig.succeeded(first))
        await assert_own_picture(rig, await rig.succeeded(second))
        assert len(posts(rig)) == len(jobs(rig)) == 2
        assert rig.engine.accounts()[0].running == 0


async def test_a_store_that_refuses_the_acceptance_once_loses_no_task(simulator: Simulator, tmp_path: Path) -> None:
    """Discord had taken it, and the note of that was refused."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty.refuse_once("append", enters(State.SUBMITTED))
        ended = await rig.succeeded(await rig.imagine("a red fox"))

        assert len(posts(rig)) == 1
        await assert_own_picture(rig, ended)


async def test_a_store_that_refuses_the_mask_once_leaves_the_window_answered(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The window counted as answered before the mask was read; the retry did nothing, and the region never came."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        single = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
        assert single.image is not None
        mask = mask_for(single.image.width, single.image.height)
        button = next(button for button in single.buttons if button.label == "Vary (Region)")
        faulty.refuse_once("inputs")
        ask = Ask(
            action=Action.PRESS,
            parent_id=single.id,
            custom_id=button.custom_id,
            modal_prompt="a blue fox",
            has_mask=True,
        )
        region = (await rig.engine.submit(ask, [mask])).task

        await assert_own_picture(rig, await rig.succeeded(region))


async def test_events_that_are_too_many_while_the_store_hangs_are_found_in_the_history(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The disk hung for the whole of a job; what came meanwhile did not fill the memory, and was not lost."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around, max_waiting_events=2) as rig:
        hold = faulty.hold_once("append", enters(State.SUBMITTED))
        task = await rig.imagine("a red fox")
        await hold.done()
        await eventually(lambda: len(jobs(rig, "finished")) == 1, "the job ended while the disk hung")
        hold.release()

        await assert_own_picture(rig, await rig.succeeded(task))  # its last event may just have come in time
        await eventually(lambda: len(requests(rig, "history")) == 2, "read after connecting, and for what was missed")


def being_sent(rig: Rig) -> int:
    """Count the Tasks that are SUBMITTING in the engine's memory, ahead of its disk."""
    running = [task for worker in rig.engine._workers.values() for task in worker._ledger.running.values()]
    return sum(task.state is State.SUBMITTING for task in running)


async def follow(rig: Rig, told: list[Task]) -> None:
    """Keep what a watcher of all Tasks is told."""
    async for task in rig.engine.watch.watch_all(Revision(0), lambda _: True):
        told.append(task)  # noqa: PERF401 - as it comes


async def test_a_disk_that_refuses_under_load_lets_nothing_out_and_loses_nothing(
    simulator: Simulator, tmp_path: Path
) -> None:
    """It was full while Midjourney drew for some and others were about to be sent."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, accounts=2, config={"slots": 1}, through=faulty.around) as rig:
        tasks = [await rig.imagine(f"fox number {number}") for number in range(6)]
        await eventually(lambda: len(jobs(rig)) >= 2, "Midjourney draws")
        told: list[Task] = []
        watching = asyncio.create_task(follow(rig, told))
        mend = faulty.refuse("append")
        await eventually(lambda: len(jobs(rig, "finished")) >= 2, "the first ones are done")
        await eventually(lambda: being_sent(rig) == 2, "the next ones are about to be sent, in memory")
        with pytest.raises(StoreUnavailable):
            await rig.engine.cancel(tasks[-1].id)
        assert len(posts(rig)) == 2
        assert not any(task.state is State.SUCCEEDED for task in told)
        mend()

        for task in tasks[:-1]:
            await assert_own_picture(rig, await rig.succeeded(task))
        assert (await rig.ended(tasks[-1])).state is State.CANCELLED
        assert len(posts(rig)) == len(jobs(rig)) == len(tasks) - 1
        watching.cancel()
        await asyncio.wait([watching])
        assert any(task.state is State.SUCCEEDED for task in told)


async def test_an_interaction_that_always_waits_long_for_the_disk_goes_back_to_the_queue(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time on the disk was never that of its sending, and it must not be postponed for ever."""
    monkeypatch.setattr(outcomes, "LONG_ON_DISK", timedelta(0))
    postponed: list[Nonce] = []
    postpone = Core.postponed

    def counted(core: Core, nonce: Nonce) -> list[Outside]:
        postponed.append(nonce)
        return postpone(core, nonce)

    monkeypatch.setattr(Core, "postponed", counted)
    async with stage(simulator, tmp_path) as rig:
        task = await rig.imagine("a red fox")
        await noticed(rig, task, NOT_SENT)
        assert not posts(rig)
        assert postponed.count(postponed[0]) == MOST_POSTPONED  # the next one's Interaction may be waiting already
        monkeypatch.undo()

        await assert_own_picture(rig, await rig.succeeded(task))
        assert len(posts(rig)) == 1


@pytest.mark.parametrize("prompt", ["a red fox", "a {red, blue} fox"])
async def test_a_submit_in_doubt_is_found_by_who_asks_again_and_is_drawn_once(
    simulator: Simulator, tmp_path: Path, prompt: str
) -> None:
    """The database was taken away just after the Task was in it, and came back."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 1}, through=faulty.around) as rig:
        ask, request = Ask(action=Action.IMAGINE, prompt=prompt), RequestKey(RequestId("one"), "digest")
        faulty.doubt_once("submit")
        with pytest.raises(StoreUnavailable):
            await rig.engine.submit(ask, request=request)

        again = await rig.engine.submit(ask, request=request)

        tasks = [again.task, *again.others]
        for task in tasks:
            await assert_own_picture(rig, await rig.succeeded(task))
        assert len(posts(rig)) == len(jobs(rig)) == len(tasks)


async def test_a_change_in_doubt_is_made_once(simulator: Simulator, tmp_path: Path) -> None:
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty.doubt_once("append")

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))
        assert len(posts(rig)) == len(jobs(rig)) == 1


async def test_a_submit_in_doubt_runs_although_the_store_cannot_be_asked_at_once(
    simulator: Simulator, tmp_path: Path
) -> None:
    """It lay in the store, and no worker knew of it before the next restart; who asked again was promised it."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        ask, request = Ask(action=Action.IMAGINE, prompt="a red fox"), RequestKey(RequestId("one"), "digest")
        faulty.doubt_once("submit")
        faulty.refuse_once("get")
        with pytest.raises(StoreUnavailable):
            await rig.engine.submit(ask, request=request)
        again = await rig.engine.submit(ask, request=request)

        await assert_own_picture(rig, await rig.succeeded(again.task))
        assert len(posts(rig)) == 1


async def test_a_submit_in_doubt_whose_client_hangs_up_runs(simulator: Simulator, tmp_path: Path) -> None:
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty.doubt_once("submit")
        hold = faulty.hold_once("get")
        call = asyncio.create_task(rig.imagine("a red fox"))
        await hold.done()
        call.cancel()
        await asyncio.wait([call])
        hold.release()
        [task] = await rig.store.find(TaskQuery())

        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_task_whose_attempt_can_never_be_stored_fails_at_once(simulator: Simulator, tmp_path: Path) -> None:
    """A defect of ours. It was prepared and refused again each second, for two hours."""
    faulty = FaultyStore()
    is_attempt = enters(State.SUBMITTING)

    async def defect(append: Any, *entries: Entry) -> Any:
        if is_attempt(*entries):
            raise TypeError("a defect")
        return await append(*entries)

    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty._faults["append"] = defect
        ended = await rig.ended(await rig.imagine("a red fox"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.INTERNAL
        assert not posts(rig)
        assert rig.engine.accounts()[0].running == 0


async def test_a_task_that_another_process_wrote_meanwhile_goes_on_from_that(
    simulator: Simulator, tmp_path: Path
) -> None:
    """What was decided here about it is dropped, its Interaction is not sent; then it is sent once."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        hold = faulty.hold_once("inputs")
        ask = Ask(action=Action.BLEND, image_count=2)
        task = (await rig.engine.submit(ask, [plain_picture("red"), plain_picture("blue")])).task
        await hold.done()
        noted = await write(rig.store, apply(task, Noticed("by another process"), datetime.now(UTC)))
        hold.release()
        ended = await rig.succeeded(task)

        assert ended.notices == noted.notices
        assert len(posts(rig)) == len(jobs(rig)) == 1
        await assert_own_picture(rig, ended)
