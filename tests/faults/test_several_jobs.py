"""A prompt of several jobs makes a Task for each: all of them or none, each of them once, each with its own picture."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import Exhausted, Reason
from midway.domain.ids import RequestId
from midway.domain.task import Ask, State, Task
from midway.engine.placing import Placed
from midway.store.port import RequestKey, StoreUnavailable, TaskQuery

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import crash, stage
from tests.support.pictures import plain_picture
from tests.support.rig import Rig, simulator_running
from tests.support.upstream import assert_own_picture, jobs, posts

ASK = Ask(action=Action.IMAGINE, prompt="a {red, blue} fox --repeat 2")
REQUEST = RequestKey(RequestId("several"), "digest")
PROMPTS = ["a red fox", "a red fox", "a blue fox", "a blue fox"]


@pytest.fixture(autouse=True)
def no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process waits for nothing."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 0)


def all_of(placed: Placed) -> list[Task]:
    return [placed.task, *placed.others]


def is_the_third(task: Task, **_named: Any) -> bool:
    """Pick the Task of the third job."""
    return bool(task.batch) and task.id == task.batch[2]


async def assert_each_has_its_own(rig: Rig, tasks: Sequence[Task]) -> None:
    """Fail unless each Task ended well with the picture of its own job, and nothing else was drawn."""
    ended = await asyncio.gather(*(rig.succeeded(task) for task in tasks))
    for task in ended:
        assert task.batch == tuple(each.id for each in tasks)
        assert task.final_prompt.startswith(task.ask.prompt_en)
        await assert_own_picture(rig, task)
    assert len({task.job_id for task in ended}) == len(jobs(rig)) == len(posts(rig)) == len(tasks)


async def test_each_job_gets_a_task_with_its_own_picture(rig: Rig) -> None:
    placed = await rig.engine.submit(ASK)

    assert [task.ask.prompt for task in all_of(placed)] == PROMPTS
    await assert_each_has_its_own(rig, all_of(placed))


async def test_forty_repeats_each_get_their_own_picture(tmp_path: Path) -> None:
    """All look the same: same prompt, same account, and nothing but their jobs tells them apart."""
    async with simulator_running(speed=400) as simulator, stage(simulator, tmp_path, accounts=2) as rig:
        placed = await rig.engine.submit(Ask(action=Action.IMAGINE, prompt="a red fox --repeat 40"))

        await assert_each_has_its_own(rig, all_of(placed))


async def test_two_clients_with_the_same_request_id_get_the_same_tasks(rig: Rig) -> None:
    one, other = await asyncio.gather(*(rig.engine.submit(ASK, request=REQUEST) for _ in range(2)))
    late = await rig.engine.submit(ASK, request=REQUEST)

    assert all_of(one) == all_of(other) == [task for task in all_of(one) if task.batch == one.task.batch]
    assert [task.id for task in all_of(late)] == [task.id for task in all_of(one)]
    assert not late.created
    await assert_each_has_its_own(rig, all_of(one))


@pytest.mark.parametrize(("prompt", "jobs_made"), [(ASK.prompt, 4), ("a fox", 1)])
async def test_who_asks_again_meanwhile_needs_no_room_of_its_own(
    simulator: Simulator, tmp_path: Path, prompt: str, jobs_made: int
) -> None:
    """The queue has room for what one of them makes, and all of them get that."""
    ask = Ask(action=Action.IMAGINE, prompt=prompt)
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": jobs_made}) as rig:
        answers = await asyncio.gather(*(rig.engine.submit(ask, request=REQUEST) for _ in range(8)))

        assert len({tuple(task.id for task in all_of(placed)) for placed in answers}) == 1
        assert [placed.created for placed in answers].count(True) == 1
        assert await rig.store.count(TaskQuery()) == jobs_made


async def test_without_room_for_all_none_is_stored(simulator: Simulator, tmp_path: Path) -> None:
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 5}) as rig:
        await rig.imagine("two of these")
        await rig.imagine("leave room for three")
        with pytest.raises(Exhausted):
            await rig.engine.submit(ASK)

        assert await rig.store.count(TaskQuery()) == 2


async def test_a_retry_makes_those_that_are_missing(simulator: Simulator, tmp_path: Path) -> None:
    """The disk refused the third of four, and the server was killed before the client asked again."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 0}, through=faulty.around) as rig:
        faulty.refuse_once("submit", is_the_third)
        with pytest.raises(StoreUnavailable):
            await rig.engine.submit(ASK, request=REQUEST)
        await crash(rig)
        assert await rig.store.count(TaskQuery()) == 3
    async with stage(simulator, tmp_path) as rig:
        placed = await rig.engine.submit(ASK, request=REQUEST)

        assert placed.created
        await assert_each_has_its_own(rig, all_of(placed))


async def test_what_nobody_will_hear_of_is_not_drawn(simulator: Simulator, tmp_path: Path) -> None:
    """The disk refused the third of four, and the client gave no request id by which it could find the others."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty.refuse_once("submit", is_the_third)
        with pytest.raises(StoreUnavailable):
            await rig.engine.submit(ASK)
        stored = await rig.store.find(TaskQuery())
        await rig.succeeded(await rig.imagine("an owl"))

        assert [task.state for task in stored] == [State.CANCELLED] * 3
        assert len(posts(rig)) == 1


async def test_all_are_made_when_the_client_hangs_up(simulator: Simulator, tmp_path: Path) -> None:
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        hold = faulty.hold_once("submit")
        call = asyncio.create_task(rig.engine.submit(ASK))
        await hold.done()
        call.cancel()
        await asyncio.wait([call])
        hold.release()
        await rig.engine._intake.settle()
        stored = await rig.store.find(TaskQuery(oldest_first=True))

        assert len(stored) == len(PROMPTS)
        await assert_each_has_its_own(rig, stored)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS])
async def test_each_job_has_its_own_picture_after_a_restart(simulator: Simulator, tmp_path: Path, state: State) -> None:
    """The server was killed when the first of four, two and two of which look the same, was there."""
    async with stage(simulator, tmp_path) as rig:
        tasks = all_of(await rig.engine.submit(ASK))
        await rig.until(tasks[0].id, state)
        await crash(rig)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        await assert_each_has_its_own(rig, tasks)


async def test_all_jobs_draw_from_the_pictures_that_were_sent(simulator: Simulator, tmp_path: Path) -> None:
    """They are stored once, with the first Task; a server that is started again finds them there."""
    async with stage(simulator, tmp_path, config={"slots": 0}) as rig:
        ask = Ask(action=Action.IMAGINE, prompt="a {red, blue} fox", image_count=1)
        tasks = all_of(await rig.engine.submit(ask, [plain_picture("green")]))
        kept = [len(await rig.store.inputs(task.id)) for task in tasks]
        await crash(rig)
    async with stage(simulator, tmp_path) as rig:
        ended = [await rig.succeeded(task) for task in tasks]

        assert kept == [1, 0]
        assert all(len(task.input_urls) == 1 and "http" in task.final_prompt for task in ended)


async def test_braces_of_a_link_make_one_job(simulator: Simulator, tmp_path: Path) -> None:
    link = "https://pictures.invalid/{1,2}.png"
    async with stage(simulator, tmp_path) as rig:
        for ask in (
            Ask(action=Action.IMAGINE, prompt="a red fox", links=(link,)),
            Ask(action=Action.IMAGINE, prompt=f"{link} a blue fox"),
        ):
            await rig.succeeded((await rig.engine.submit(ask)).task)

        assert len(jobs(rig)) == len(posts(rig)) == 2


@pytest.mark.parametrize("question", ["embed", "content"])
async def test_a_question_that_nobody_expected_ends_its_task_at_once(
    simulator: Simulator, tmp_path: Path, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should Midway's rules and the bot's ever disagree: here Midway sees one job where the bot sees two."""
    monkeypatch.setattr("midway.engine.wording.jobs_of", lambda prompt, _most: [prompt])
    async with stage(simulator, tmp_path) as rig:
        await rig.control("options", several_question=question)
        ask = Ask(action=Action.IMAGINE, prompt="a {red, blue} fox")
        ended = await rig.ended((await rig.engine.submit(ask)).task)
        await rig.succeeded(await rig.imagine("an owl"))

        assert ended.state is State.FAILED
        assert ended.failure is not None
        assert ended.failure.reason is Reason.INVALID_PROMPT
        assert "You are about to imagine 2 prompts." in ended.failure.message
        assert len(jobs(rig)) == 1  # the owl's
        assert rig.engine.accounts()[0].unknown_remarks == 0
