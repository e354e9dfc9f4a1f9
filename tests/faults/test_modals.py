"""Windows that open late, twice or never, and forms that are refused."""

from typing import Any

import pytest
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.image import InputImage
from midway.domain.task import Ask, Task

from tests.support.pictures import mask_for
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, in_state, jobs, posts

IFRAME = "INTERACTION_IFRAME_MODAL_CREATE"
MODAL = "INTERACTION_MODAL_CREATE"

REFUSALS = frozenset({"ServerError", "MessageGone", "TooManyRequests"})

SURVIVED: dict[str, dict[str, Any]] = {
    "the editor opens late": {"fault": "EventDelayed", "event": IFRAME, "bot_seconds": 30},
    "the editor opens twice": {"fault": "EventDuplicated", "event": IFRAME},
    "the editor opens after the success": {"fault": "EventReordered", "event": IFRAME, "until": "INTERACTION_SUCCESS"},
    "the press's answer is lost": {"fault": "ServerErrorAfterAccept"},
    "the form's own answer is lost": {"fault": "ServerErrorAfterAccept", "route": "inpaint"},
}


@pytest.mark.parametrize("fault", SURVIVED.values(), ids=SURVIVED.keys())
async def test_vary_region_gets_over_it(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: the mask is sent once, and one job is drawn."""
    single = await one_picture(rig)
    await rig.control("options", success_before_start=False)  # so that there is a success to come after
    await rig.control("faults", **fault)
    ended = await rig.succeeded(await vary_region(rig, single))

    assert forms_sent(rig) == 1
    assert len(jobs(rig)) == 3
    assert ended.final_prompt.startswith("a blue fox")
    await assert_own_picture(rig, ended)


async def test_an_editor_that_never_opens_fails_the_task(hasty: Rig) -> None:
    """The iframe's event was lost, so there is no token to send the mask with."""
    single = await one_picture(hasty)
    await hasty.control("faults", fault="EventLost", event=IFRAME)
    ended = await hasty.ended(await vary_region(hasty, single))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.MODAL_NOT_OPENED
    assert forms_sent(hasty) == 0


async def test_a_form_that_may_have_been_taken_is_not_sent_again(quick: Rig) -> None:
    """The editor's server answered 500: nothing tells whether it draws, and no job shows."""
    single = await one_picture(quick)
    await quick.control("faults", fault="ServerError", route="inpaint")
    ended = await quick.ended(await vary_region(quick, single))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.IDLE_TIMEOUT
    assert forms_sent(quick) == 1


async def test_a_form_that_is_refused_fails_the_task_and_says_so(rig: Rig) -> None:
    """The editor's token is known no longer."""
    single = await one_picture(rig)
    await rig.control("faults", fault="MessageGone", route="inpaint")
    ended = await rig.ended(await vary_region(rig, single))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.PARENT_EXPIRED
    await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")


async def test_a_form_that_has_to_wait_begins_again_with_the_button(rig: Rig) -> None:
    """429 from the editor's server: its token may be used up, so the button is pressed again."""
    single = await one_picture(rig)
    await rig.control("faults", fault="TooManyRequests", route="inpaint", retry_after=0.1)
    ended = await rig.succeeded(await vary_region(rig, single))

    assert forms_sent(rig) == 2
    await assert_own_picture(rig, ended)


async def test_a_check_for_a_person_is_no_editor(rig: Rig) -> None:
    """Instead of the editor comes the page that wants a person: no mask is sent to it, the account pauses."""
    single = await one_picture(rig)
    changed = {"title": "Action required to continue", "iframe_path": "/captcha/embedded/1"}
    await rig.control("faults", fault="FieldsChanged", event=IFRAME, values=changed)
    ended = await rig.ended(await vary_region(rig, single))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.VERIFICATION_REQUIRED
    assert forms_sent(rig) == 0
    await in_state(rig, AccountState.PAUSED)


FORM_OPENS: dict[str, dict[str, Any]] = {
    "the form opens late": {"fault": "EventDelayed", "event": MODAL, "bot_seconds": 30},
    "the form opens twice": {"fault": "EventDuplicated", "event": MODAL},
    "the form opens twice under one number": {"fault": "EventDuplicated", "event": MODAL, "same_sequence": True},
    "the form opens after the success": {"fault": "EventReordered", "event": MODAL, "until": "INTERACTION_SUCCESS"},
}


@pytest.mark.parametrize("fault", FORM_OPENS.values(), ids=FORM_OPENS.keys())
async def test_a_form_is_sent_once_however_it_opens(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: one submit, one job."""
    single = await one_picture(rig)
    await rig.control("options", modal_success_order="after")
    await rig.control("faults", **fault)
    ended = await rig.succeeded(await rig.press(single, "Custom Zoom", modal_prompt="a wide field"))

    assert len(posts(rig)) == 4  # imagine, pick, press, form
    assert len(jobs(rig)) == 3
    await assert_own_picture(rig, ended)


async def test_a_form_that_never_opens_fails_the_task(hasty: Rig) -> None:
    """Its event was lost: nothing can be written into it, and the button is not pressed again."""
    single = await one_picture(hasty)
    await hasty.control("faults", fault="EventLost", event=MODAL)
    ended = await hasty.ended(await hasty.press(single, "Custom Zoom", modal_prompt="a wide field"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.MODAL_NOT_OPENED
    assert len(posts(hasty)) == 3


async def test_a_modal_whose_submit_is_refused_fails_the_task(rig: Rig) -> None:
    """Discord refuses the form: the window was open for too long."""
    single = await one_picture(rig)
    await rig.control("faults", fault="MessageGone", skip=1)
    ended = await rig.ended(await rig.press(single, "Custom Zoom", modal_prompt="a wide field"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.PARENT_EXPIRED
    assert len(posts(rig)) == 3


async def test_a_modal_whose_submit_gets_no_answer_is_not_sent_again(rig: Rig) -> None:
    """504 although the form was taken: its job is followed."""
    single = await one_picture(rig)
    await rig.control("faults", fault="ServerErrorAfterAccept", skip=1)
    ended = await rig.succeeded(await rig.press(single, "Custom Zoom", modal_prompt="a wide field"))

    assert len(posts(rig)) == 4
    await assert_own_picture(rig, ended)


async def test_a_field_that_nobody_knows_is_filled_by_what_the_modal_says(rig: Rig) -> None:
    """Midjourney renames a form's field: its id comes from the modal itself, not from a table."""
    single = await one_picture(rig)
    await rig.control("faults", fault="FieldsChanged", event=MODAL, values={"components": [field("MJ::New::name")]})
    await rig.ended(await rig.press(single, "Custom Zoom", modal_prompt="a wide field"))

    assert posts(rig)[-1]["prompt"] == "a wide field"


def forms_sent(rig: Rig) -> int:
    """Count the forms of Vary (Region) that were sent, refused ones too."""
    refused = [line for line in rig.journal("fault") if line.get("route") == "inpaint" and line["fault"] in REFUSALS]
    return len(rig.journal("inpaint")) + len(refused)


def field(custom_id: str) -> dict[str, Any]:
    """Return a row with one text field."""
    text = {"type": 4, "custom_id": custom_id, "label": "Prompt", "style": 2, "value": "as it was", "required": True}
    return {"type": 1, "components": [text]}


async def one_picture(rig: Rig) -> Task:
    """Imagine a grid and pick its first picture."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    return await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))


async def vary_region(rig: Rig, single: Task) -> Task:
    """Press Vary (Region) with mask and prompt."""
    button = next(button for button in single.buttons if button.label == "Vary (Region)")
    ask = Ask(action=Action.PRESS, parent_id=single.id, custom_id=button.custom_id)
    placed = await rig.engine.submit(ask)
    return (await rig.engine.answer_modal(placed.task.id, "a blue fox", _mask(single))).task


def _mask(single: Task) -> InputImage:
    assert single.image is not None
    return mask_for(single.image.width, single.image.height)
