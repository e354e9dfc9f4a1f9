"""What each button means. The custom ids are those of real messages, with a made-up job id."""

import pytest
from midway.domain.action import (
    PRESSES,
    TRAITS,
    Action,
    ModalKind,
    ModalRule,
    Press,
    custom_id_of_change,
    press_from_custom_id,
)

JOB = "0f8fad5b-d9cb-469f-a165-70867728950e"
REMIX, ALWAYS = ModalRule.IF_REMIX, ModalRule.ALWAYS
REGION = ModalKind.REGION

BUTTONS = [
    (f"MJ::JOB::upsample::2::{JOB}", Press(Action.UPSCALE, index=2)),
    (f"MJ::JOB::upsample_v5_2x::1::{JOB}::SOLO", Press(Action.UPSCALE_HD, index=1)),
    (f"MJ::JOB::upsample_v6_2x_subtle::1::{JOB}::SOLO", Press(Action.UPSCALE_HD, index=1)),
    (f"MJ::JOB::upsample_v6r1_2x_creative::1::{JOB}::SOLO", Press(Action.UPSCALE_HD, index=1)),
    (f"MJ::JOB::upsample_v7_2x_creative::1::{JOB}::SOLO", Press(Action.UPSCALE_HD, index=1)),
    (f"MJ::JOB::variation::4::{JOB}", Press(Action.VARIATION, REMIX, index=4)),
    (f"MJ::JOB::high_variation::1::{JOB}::SOLO", Press(Action.VARIATION, REMIX, index=1)),
    (f"MJ::JOB::low_variation::1::{JOB}::SOLO", Press(Action.VARIATION, REMIX, index=1)),
    (f"MJ::JOB::reroll::0::{JOB}::SOLO", Press(Action.REROLL, REMIX, index=0)),
    (f"MJ::JOB::pan_left::1::{JOB}::SOLO", Press(Action.PAN, REMIX, index=1)),
    (f"MJ::JOB::pan_down::1::{JOB}::SOLO", Press(Action.PAN, REMIX, index=1)),
    (f"MJ::Outpaint::50::1::{JOB}::SOLO", Press(Action.ZOOM, index=1)),
    (f"MJ::Outpaint::75::1::{JOB}::SOLO", Press(Action.ZOOM, index=1)),
    (f"MJ::CustomZoom::{JOB}", Press(Action.ZOOM, ALWAYS)),
    (f"MJ::Inpaint::1::{JOB}::SOLO", Press(Action.VARY_REGION, ALWAYS, REGION, index=1)),
    (f"MJ::JOB::animate_high::1::{JOB}::SOLO", Press(Action.VIDEO, REMIX, index=1)),
    (f"MJ::JOB::animate_low_extend::3::{JOB}", Press(Action.VIDEO, REMIX, index=3)),
    (f"MJ::JOB::video_virtual_upscale::2::{JOB}", Press(Action.UPSCALE, index=2)),
    ("MJ::Job::PicReader::3", Press(Action.IMAGINE, ALWAYS, index=3)),
    ("MJ::Job::PicReader::all", Press(Action.IMAGINE)),
    ("MJ::Picread::Retry", Press(Action.DESCRIBE)),
    ("MJ::Job::PromptAnalyzer::5", Press(Action.IMAGINE, ALWAYS, index=5)),
    (f"MJ::BOOKMARK::{JOB}", Press(Action.PRESS, is_task=False)),
    ("MJ::Later::Invention::1", Press(Action.PRESS)),
]


@pytest.mark.parametrize(("custom_id", "meaning"), BUTTONS, ids=[custom_id for custom_id, _ in BUTTONS])
def test_a_button_is_told_by_its_custom_id(custom_id: str, meaning: Press):
    assert press_from_custom_id(custom_id) == meaning


def test_the_list_above_knows_every_prefix():
    used = {max((p for p in PRESSES if custom_id.startswith(p)), key=len, default="") for custom_id, _ in BUTTONS}

    assert PRESSES.keys() - used == {"MJ::Job::PromptAnalyzerExtended::"}  # "Show Details" of a shorten panel


def test_show_details_shortens_again():
    assert press_from_custom_id("MJ::Job::PromptAnalyzerExtended::1").action is Action.SHORTEN


def test_every_action_has_its_traits():
    assert TRAITS.keys() == set(Action)


GRID = (f"MJ::JOB::upsample::1::{JOB}", f"MJ::JOB::upsample::2::{JOB}", f"MJ::JOB::variation::2::{JOB}")
REROLL = f"MJ::JOB::reroll::0::{JOB}::SOLO"
VIDEO = (f"MJ::JOB::video_virtual_upscale::1::{JOB}",)


@pytest.mark.parametrize(
    ("action", "index", "buttons", "found"),
    [
        (Action.UPSCALE, 2, GRID, GRID[1]),
        (Action.VARIATION, 2, GRID, GRID[2]),
        (Action.REROLL, None, (*GRID, REROLL), REROLL),
        (Action.UPSCALE, 1, VIDEO, VIDEO[0]),
        (Action.UPSCALE, 3, GRID, None),
        (Action.REROLL, None, GRID, None),
        (Action.ZOOM, 1, GRID, None),
    ],
)
def test_a_change_by_index_finds_its_button(
    action: Action, index: int | None, buttons: tuple[str, ...], found: str | None
):
    assert custom_id_of_change(action, index, buttons) == found
