"""The rules between a finished Task and the press of one of its buttons."""

from typing import Any

import pytest
from midway.domain.action import Action, Bot, ModalKind, press_from_custom_id
from midway.domain.errors import Conflict, InvalidField, NotFound, Reason
from midway.domain.ids import MessageId, TaskId
from midway.domain.image import Button
from midway.domain.task import Ask, State, Task
from midway.engine.buttons import button_of, pressed, proposal, usable_parent, wanted_input
from msgspec.structs import replace

from tests.unit.making import JOB, a_task

U1, V2 = f"MJ::JOB::upsample::1::{JOB}", f"MJ::JOB::variation::2::{JOB}"
ZOOM, REGION = f"MJ::CustomZoom::{JOB}", f"MJ::Inpaint::1::{JOB}::SOLO"
DRAWN = "a red fox --v 7.0"
LINE = "MJ::Job::PicReader::2"


def a_parent(*custom_ids: str, **fields: Any) -> Task:
    """Make a finished Task with these buttons."""
    known: dict[str, Any] = {
        "state": State.SUCCEEDED,
        "message_id": MessageId("7"),
        "final_prompt": "a red fox --v 7.0",
    }
    return replace(a_task(), buttons=tuple(Button(each) for each in custom_ids), **known | fields)


def test_an_unknown_parent_is_not_found() -> None:
    with pytest.raises(NotFound) as refused:
        usable_parent(None, TaskId("1"))

    assert refused.value.reason is Reason.PARENT_NOT_FOUND


@pytest.mark.parametrize(
    "parent",
    [a_parent(state=State.IN_PROGRESS), a_parent(message_id=None), a_parent(state=State.FAILED, message_id=None)],
    ids=["running", "no message", "failed"],
)
def test_a_parent_without_result_has_no_buttons(parent: Task) -> None:
    with pytest.raises(Conflict) as refused:
        usable_parent(parent, parent.id)

    assert refused.value.reason is Reason.PARENT_NOT_SUCCEEDED


def test_a_late_picture_of_a_failed_task_can_be_pressed() -> None:
    parent = a_parent(U1, state=State.FAILED, late=True)

    assert usable_parent(parent, parent.id) is parent


def test_a_button_that_is_not_there_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        button_of(Ask(action=Action.PRESS, custom_id=V2), a_parent(U1))

    assert refused.value.reason is Reason.BUTTON_NOT_FOUND


def test_a_change_finds_its_button() -> None:
    assert button_of(Ask(action=Action.VARIATION, index=2), a_parent(U1, V2)) == V2


def test_a_change_that_the_parent_does_not_offer_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        button_of(Ask(action=Action.VARIATION, index=1), a_parent(U1))

    assert refused.value.reason is Reason.ACTION_NOT_ALLOWED


@pytest.mark.parametrize("index", [None, 0, 5])
def test_an_index_outside_the_grid_is_refused(index: int | None) -> None:
    with pytest.raises(InvalidField) as refused:
        button_of(Ask(action=Action.UPSCALE, index=index), a_parent(U1))

    assert refused.value.field == "index"


def test_a_press_takes_over_where_and_what_its_parent_is() -> None:
    parent = a_parent(V2, message_flags=64)
    parent = replace(parent, ask=replace(parent.ask, bot=Bot.NIJI))
    ask = pressed(Ask(action=Action.PRESS, parent_id=parent.id), parent, V2, press_from_custom_id(V2))

    assert (ask.action, ask.bot, ask.index) == (Action.VARIATION, Bot.NIJI, 2)
    assert (ask.parent_message_id, ask.parent_message_flags) == (MessageId("7"), 64)
    assert (ask.prompt, ask.prompt_en) == ("a red fox", "a red fox --v 7.0")
    assert ask.description == f"/up {parent.id} V2"


PROPOSALS = {
    "a variation starts from what was drawn": (V2, "a red fox --v 7.0"),
    "a custom zoom adds its factor": (ZOOM, "a red fox --v 7.0 --zoom 2"),
    "a described line is proposed": (LINE, "second"),
    "a line that is not there is blank": ("MJ::Job::PicReader::4", ""),
}


@pytest.mark.parametrize(("custom_id", "expected"), PROPOSALS.values(), ids=PROPOSALS.keys())
def test_what_the_window_would_hold(custom_id: str, expected: str) -> None:
    parent = a_parent(custom_id, result_prompts=("first", "second"))

    assert proposal(parent, custom_id, press_from_custom_id(custom_id)) == expected


# Custom id, the account's Remix, what the client gives, what is waited for.
WANTED: dict[str, tuple[str, bool, dict[str, Any], ModalKind | None]] = {
    "a pick never opens a window": (U1, True, {}, None),
    "a variation without remix": (V2, False, {}, None),
    "a variation with remix": (V2, True, {}, ModalKind.PROMPT),
    "a variation with remix, wished off": (V2, True, {"remix": False}, None),
    "a variation with remix, wished on": (V2, True, {"remix": True}, ModalKind.PROMPT),
    "a variation with remix and its prompt": (V2, True, {"modal_prompt": "x"}, None),
    "a custom zoom": (ZOOM, False, {}, ModalKind.PROMPT),
    "a custom zoom with its prompt": (ZOOM, False, {"modal_prompt": "x"}, None),
    "a region": (REGION, False, {}, ModalKind.REGION),
    "a region with its mask": (REGION, False, {"has_mask": True}, None),
    "a button that nobody knows": ("MJ::New::1", True, {}, None),
    "a button that nobody knows, with a prompt": ("MJ::New::1", True, {"modal_prompt": "x"}, None),
}


@pytest.mark.parametrize(("custom_id", "remix", "given", "kind"), WANTED.values(), ids=WANTED.keys())
def test_what_has_to_be_given_first(custom_id: str, remix: bool, given: dict[str, Any], kind: ModalKind | None) -> None:
    wanted = wanted_input(Ask(action=Action.PRESS, **given), press_from_custom_id(custom_id), remix=remix)

    assert (wanted.kind if wanted else None) is kind


def test_remix_cannot_be_wished_where_it_is_off() -> None:
    with pytest.raises(Conflict):
        wanted_input(Ask(action=Action.PRESS, remix=True), press_from_custom_id(V2), remix=False)


def test_a_prompt_for_a_button_without_window_is_refused() -> None:
    with pytest.raises(InvalidField) as refused:
        wanted_input(Ask(action=Action.PRESS, modal_prompt="x"), press_from_custom_id(U1), remix=False)

    assert refused.value.field == "prompt"


def test_a_region_without_mask_is_refused_when_only_a_prompt_is_given() -> None:
    with pytest.raises(InvalidField) as refused:
        wanted_input(Ask(action=Action.PRESS, modal_prompt="x"), press_from_custom_id(REGION), remix=False)

    assert (refused.value.field, refused.value.reason) == ("mask", Reason.INVALID_IMAGE)
