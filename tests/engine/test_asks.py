"""What the engine refuses before anything is stored, and what it finds again."""

from io import BytesIO
from typing import Any

import PIL.Image
import pytest
from midway.domain.action import Action, Bot
from midway.domain.errors import Conflict, InvalidField, NotFound, Reason, Refusal
from midway.domain.ids import AccountId, JobId, RequestId, TaskId
from midway.domain.image import Image, InputImage
from midway.domain.task import Ask, State, Task, VideoAsk
from midway.store.port import RequestIdReused, RequestKey, TaskQuery
from msgspec.structs import replace

from tests.support.pictures import mask_for, plain_picture
from tests.support.rig import Rig
from tests.support.writes import write

RED = plain_picture("red")

# What is asked for, how many pictures come with it, the field that is named.
WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no prompt": ({"action": Action.IMAGINE}, 0, "prompt"),
    "a blank prompt": ({"action": Action.IMAGINE, "prompt": " \n"}, 0, "prompt"),
    "a prompt of too many jobs": ({"action": Action.IMAGINE, "prompt": "x --repeat 41"}, 0, "prompt"),
    "a prompt that is repeated no number of times": ({"action": Action.IMAGINE, "prompt": "x --repeat 0"}, 0, "prompt"),
    "several prompts to shorten": ({"action": Action.SHORTEN, "prompt": "a {red, blue} fox"}, 0, "prompt"),
    "a prompt that is too long": ({"action": Action.IMAGINE, "prompt": "x" * 6001}, 0, "prompt"),
    "too many pictures": ({"action": Action.IMAGINE, "prompt": "x"}, 6, "images"),
    "describe without a picture": ({"action": Action.DESCRIBE}, 0, "image"),
    "describe with two": ({"action": Action.DESCRIBE}, 2, "image"),
    "blend of one": ({"action": Action.BLEND}, 1, "images"),
    "blend of six": ({"action": Action.BLEND}, 6, "images"),
    "blend in an odd shape": ({"action": Action.BLEND, "dimensions": "7:1"}, 2, "dimensions"),
    "a film of no picture": ({"action": Action.VIDEO, "prompt": "x"}, 0, "image"),
    "a film of two": ({"action": Action.VIDEO, "prompt": "x"}, 2, "image"),
    "a film of several prompts": ({"action": Action.VIDEO, "prompt": "a {red, blue} fox"}, 1, "prompt"),
    "a film of a link and a picture": ({"action": Action.VIDEO, "prompt": "https://a.example/a.png x"}, 1, "prompt"),
    "a film of two links": (
        {"action": Action.VIDEO, "prompt": "https://a.example/a.png https://a.example/b.png"},
        0,
        "prompt",
    ),
    "three films": ({"action": Action.VIDEO, "video": VideoAsk(batch_size=3)}, 1, "batch_size"),
    "a film with too long a link": (
        {"action": Action.VIDEO, "prompt": "x" * 5990, "links": ("https://a.example/fox.png",)},
        0,
        "prompt",
    ),
    "nothing to shorten": ({"action": Action.SHORTEN}, 0, "prompt"),
    "show of no job": ({"action": Action.SHOW}, 0, "job_id"),
    "show of something else": ({"action": Action.SHOW, "show_job_id": JobId("x")}, 0, "job_id"),
    "an account that is not there": (
        {"action": Action.IMAGINE, "prompt": "x", "account_id": AccountId("1")},
        0,
        "options.account_id",
    ),
    "a state that is too long": (
        {"action": Action.IMAGINE, "prompt": "x", "client_state": "x" * 256},
        0,
        "options.client_state",
    ),
}


@pytest.mark.parametrize(("ask", "pictures", "field"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_ask_names_its_field_and_stores_nothing(
    rig: Rig, ask: dict[str, Any], pictures: int, field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        await rig.engine.submit(Ask(**ask, image_count=pictures), [RED] * pictures)

    assert refused.value.field == field
    assert await rig.store.find(TaskQuery()) == []


async def test_the_same_request_gives_the_same_task(rig: Rig) -> None:
    ask, key = Ask(action=Action.IMAGINE, prompt="a red fox"), RequestKey(RequestId("once"), "digest")
    first = await rig.engine.submit(ask, request=key)
    again = await rig.engine.submit(ask, request=key)

    assert (first.created, again.created) == (True, False)
    assert again.task.id == first.task.id


async def test_a_request_id_with_another_payload_is_refused(rig: Rig) -> None:
    ask = Ask(action=Action.IMAGINE, prompt="a red fox")
    await rig.engine.submit(ask, request=RequestKey(RequestId("once"), "digest"))
    with pytest.raises(RequestIdReused):
        await rig.engine.submit(ask, request=RequestKey(RequestId("once"), "other"))


async def test_a_picture_that_was_picked_before_is_given_again(rig: Rig) -> None:
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    picked = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 2))
    again = await rig.engine.submit(Ask(action=Action.UPSCALE, parent_id=grid.id, index=2))

    assert (again.created, again.task.id) == (False, picked.id)


async def test_a_press_on_a_running_task_is_refused(rig: Rig) -> None:
    task = await rig.imagine("a red fox __hang")
    with pytest.raises(Conflict) as refused:
        await rig.change(task, Action.UPSCALE, 1)

    assert refused.value.reason is Reason.PARENT_NOT_SUCCEEDED


async def test_a_bot_follows_its_parent_whatever_is_asked(rig: Rig) -> None:
    grid = await rig.succeeded(await rig.imagine("a red fox", bot=Bot.NIJI))
    picked = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))

    assert picked.ask.bot is Bot.NIJI


async def test_input_is_taken_only_where_it_is_waited_for(rig: Rig) -> None:
    task = await rig.imagine("a red fox __hang")
    with pytest.raises(Conflict) as refused:
        await rig.engine.answer_modal(task.id, "a blue fox", None)

    assert refused.value.reason is Reason.TASK_NOT_AWAITING_INPUT


async def region(rig: Rig, **ask: Any) -> Task:
    """Press Vary (Region) of a finished upscale."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    picked = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
    return await rig.press(picked, "Vary (Region)", **ask)


async def parent_of(rig: Rig, task: Task) -> tuple[Task, Image]:
    """Read the Task that a press was made on, and its picture."""
    parent = await rig.store.get(task.ask.parent_id) if task.ask.parent_id else None
    assert parent is not None
    assert parent.image is not None
    return parent, parent.image


async def test_a_region_needs_a_mask(rig: Rig) -> None:
    task = await region(rig)
    with pytest.raises(InvalidField) as refused:
        await rig.engine.answer_modal(task.id, "a blue fox", None)

    assert refused.value.field == "mask"
    assert (await rig.until(task.id, State.AWAITING_INPUT)).state is State.AWAITING_INPUT


@pytest.mark.parametrize("size", [(320, 320), (32, 48), (3000, 2000)])
async def test_a_mask_of_another_size_is_scaled_to_the_picture(rig: Rig, size: tuple[int, int]) -> None:
    task = await region(rig)
    _, image = await parent_of(rig, task)
    picture = (image.width, image.height)
    await rig.engine.answer_modal(task.id, "a blue fox", mask_for(*size))
    await rig.succeeded(task)

    [kept] = await rig.store.inputs(task.id)
    assert_covers_the_middle(kept, picture)
    [sent] = rig.journal("inpaint")
    assert tuple(sent["mask_size"]) == picture


async def test_a_mask_that_comes_with_the_press_is_scaled_too(rig: Rig) -> None:
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    picked = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))
    button = next(each.custom_id for each in picked.buttons if each.label == "Vary (Region)")
    ask = Ask(action=Action.PRESS, parent_id=picked.id, custom_id=button, modal_prompt="a hat", has_mask=True)
    task = (await rig.engine.submit(ask, [mask_for(320, 320)])).task

    assert picked.image is not None
    assert_covers_the_middle((await rig.store.inputs(task.id))[0], (picked.image.width, picked.image.height))


async def test_a_mask_is_scaled_to_a_picture_whose_size_nobody_told(rig: Rig) -> None:
    """Discord need not say how large an attachment is; then the picture itself does."""
    task = await region(rig)
    parent, image = await parent_of(rig, task)
    unmeasured = replace(parent, image=replace(image, width=0, height=0))
    await write(rig.store, unmeasured)
    await rig.engine.answer_modal(task.id, "a blue fox", mask_for(320, 320))

    assert_covers_the_middle((await rig.store.inputs(task.id))[0], (image.width, image.height))


async def test_a_mask_goes_as_it_is_where_nobody_can_tell_the_size(rig: Rig) -> None:
    task = await region(rig)
    parent, image = await parent_of(rig, task)
    gone = Image(image.url.replace("attachments", "attachments/0"))
    await write(rig.store, replace(parent, image=gone, message_id=None))
    await rig.engine.answer_modal(task.id, "a blue fox", mask_for(320, 320))

    assert (await rig.store.inputs(task.id)) == [mask_for(320, 320)]


def assert_covers_the_middle(mask: InputImage, size: tuple[int, int]) -> None:
    """Compare with what `mask_for` draws, in that size and without any grey."""
    picture = PIL.Image.open(BytesIO(mask.data))
    assert picture.size == (mask.width, mask.height) == size
    assert {colour for _, colour in picture.convert("L").getcolors() or ()} == {0, 255}
    left, top, right, bottom = picture.getbbox() or (0, 0, 0, 0)
    assert (left / size[0], top / size[1]) == pytest.approx((0.25, 0.25), abs=0.02)
    assert (right / size[0], bottom / size[1]) == pytest.approx((0.5, 0.5), abs=0.02)


@pytest.mark.parametrize("what", ["cancel", "image_seed"])
async def test_a_task_that_is_not_there_is_not_found(rig: Rig, what: str) -> None:
    with pytest.raises(NotFound) as refused:
        await getattr(rig.engine, what)(TaskId("1"))

    assert refused.value.reason is Reason.TASK_NOT_FOUND


async def test_an_account_that_is_not_there_is_not_found(rig: Rig) -> None:
    with pytest.raises(Refusal) as refused:
        await rig.engine.resume_account(AccountId("1"))

    assert refused.value.reason is Reason.ACCOUNT_NOT_FOUND
