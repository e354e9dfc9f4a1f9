"""Holds what came of a case against what it expects."""

from collections.abc import Awaitable, Callable

from midway.domain.task import Task

from tests.scenarios.case import Case
from tests.scenarios.play import Played
from tests.support.pictures import colour_of, picture_facts
from tests.support.rig import Rig

GREEN_PICTURE = (0, 128, 0)  # what `images: [green]` sends


async def verify(case: Case, played: Played, rig: Rig) -> None:
    """Raise AssertionError for everything that is not as the case expects."""
    for check in (_ending, _words, _relations, _wire):
        check(case, played)
    await PICTURES[case.expect.picture.split()[0]](case, played.task, rig)
    if case.expect.seed:
        await _seed(played.task, rig)


def _ending(case: Case, played: Played) -> None:
    task, expect = played.task, case.expect
    assert task.state.value == expect.state, task.failure
    assert task.action.value == expect.action
    assert (task.failure.reason.value if task.failure else "") == expect.reason
    assert any(expect.notice in notice for notice in task.notices) or not expect.notice
    assert played.placed.created is (expect.tasks > 0)
    assert 1 + len(played.placed.others) == max(expect.tasks, 1)


def _words(case: Case, played: Played) -> None:
    task, expect = played.task, case.expect
    shown = {word for button in task.buttons for word in (button.label, button.emoji)}
    assert set(expect.buttons) <= shown
    assert expect.prompt in task.final_prompt
    assert len(task.result_prompts) == expect.proposals
    assert (task.actual_speed.value if task.actual_speed else "") == expect.speed or not expect.speed


def _relations(case: Case, played: Played) -> None:
    """A Task that follows another runs where its parent's message is, for the bot that made it."""
    task, parent = played.task, played.parent
    assert task.ask.bot is case.bot
    if parent is not None and case.expect.tasks and task.ask.custom_id:
        assert task.ask.parent_id == parent.id
        assert (task.account_id, task.channel_id) == (parent.account_id, parent.channel_id)


def _wire(case: Case, played: Played) -> None:
    """Exactly the expected Interactions were sent: none twice, none too many."""
    assert tuple(line["sent"] for line in played.sent) == case.expect.interactions
    # "Imagine all" presses nothing at Discord: each proposal becomes a command of its own.
    pressed = [line["custom_id"] for line in played.sent if line["sent"] == "press"] or [played.task.ask.custom_id]
    assert pressed[0].startswith(case.expect.pressed)
    nonces = [line["nonce"] for line in played.sent if line["sent"] != "region"]
    assert len(set(nonces)) == len(nonces)


async def _no_picture(_case: Case, _task: Task, _rig: Rig) -> None:
    """Nothing is promised about a picture."""


async def _own_picture(case: Case, task: Task, rig: Rig) -> None:
    """The picture names the Task's own job, and the simulator drew that job for the Task's own Interaction."""
    facts = picture_facts(await rig.picture(task))
    assert facts["job"] == task.job_id
    assert facts["prompt"] == task.final_prompt
    assert facts["quadrant"] == QUADRANTS.get(case.expect.picture, case.expect.picture.removeprefix("quadrant "))
    await _drawn_for(task, rig)


async def _drawn_for(task: Task, rig: Rig) -> None:
    assert task.account_id is not None
    attempts = await rig.store.recent_attempts(task.account_id, task.created_at)
    nonces = {attempt.nonce for attempt in attempts if attempt.task_id == task.id}
    drawn = {line["nonce"] for line in rig.journal("job") if line["job_id"] == task.job_id}
    is_shown_again = task.ask.show_job_id is not None  # it was drawn for another Task
    assert drawn & nonces or is_shown_again


async def _video(_case: Case, task: Task, rig: Rig) -> None:
    data = await rig.picture(task)
    assert data[4:8] == b"ftyp"
    assert task.image is not None
    assert task.job_id is not None
    assert task.job_id in task.image.filename
    await _drawn_for(task, rig)


async def _sent_picture(_case: Case, task: Task, rig: Rig) -> None:
    assert colour_of(await rig.picture(task)) == GREEN_PICTURE


async def _seed(task: Task, rig: Rig) -> None:
    """The seed is a number, and once told it is kept: Midjourney is not asked again."""
    seed = await rig.engine.image_seed(task.id)
    asked = len(rig.journal("interaction"))
    assert seed.isdecimal()
    assert await rig.engine.image_seed(task.id) == seed
    assert len(rig.journal("interaction")) == asked


QUADRANTS = {"grid": "1-4", "single": "1"}
PICTURES: dict[str, Callable[[Case, Task, Rig], Awaitable[None]]] = {
    "grid": _own_picture,
    "single": _own_picture,
    "quadrant": _own_picture,
    "video": _video,
    "sent": _sent_picture,
    "none": _no_picture,
}
