"""Buttons by model version: discord-wire §2.5."""

import pytest
from discord_simulator.bot import components
from discord_simulator.json_types import Json

JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
ALL_ROWS = {
    "grid": components.grid_rows(JOB),
    **{f"single {v}": components.single_rows(JOB, v) for v in ("4", "5.2", "6", "6.1", "7.0", "8", "niji 6", "niji 7")},
    "upscaled": components.upscaled_rows(JOB, "7.0"),
    "videos": components.video_grid_rows(JOB, 4),
    "video": components.video_rows(JOB, 2),
    "describe": components.describe_rows(),
    "shorten": components.shorten_rows(JOB, 5, has_details=False),
}


def buttons(rows: list[Json]) -> list[Json]:
    return [button for row in rows for button in row["components"]]


def custom_ids(rows: list[Json]) -> list[str]:
    return [button["custom_id"] for button in buttons(rows) if "custom_id" in button]


@pytest.mark.parametrize("name", ALL_ROWS)
def test_rows_fit_into_a_message(name: str):
    """At most five rows of one to five, no custom id twice, none longer than Discord's hundred characters."""
    rows = ALL_ROWS[name]

    ids = custom_ids(rows)
    assert 1 <= len(rows) <= 5
    assert all(1 <= len(row["components"]) <= 5 for row in rows)
    assert len(ids) == len(set(ids))
    assert all(len(custom_id) <= 100 for custom_id in ids)


@pytest.mark.parametrize("name", ALL_ROWS)
def test_every_button_shows_something(name: str):
    """A label, an emoji or both; a link has no custom id."""
    for button in buttons(ALL_ROWS[name]):
        assert "label" in button or "emoji" in button
        assert ("url" in button) == (button["style"] == 5) == ("custom_id" not in button)


@pytest.mark.parametrize(
    ("version", "upscales"),
    [
        ("4", []),
        ("5.2", ["v5_2x", "v5_4x"]),
        ("6", ["v6_2x_subtle", "v6_2x_creative"]),
        ("6.1", ["v6r1_2x_subtle", "v6r1_2x_creative"]),
        ("7.0", ["v7_2x_subtle", "v7_2x_creative"]),
        ("8", []),
        ("niji 6", ["v6_2x_subtle", "v6_2x_creative"]),
        ("niji 7", ["v7_2x_subtle", "v7_2x_creative"]),
    ],
)
def test_upscales_by_version(version: str, upscales: list[str]):
    """Each version has its own upscalers."""
    ids = custom_ids(components.single_rows(JOB, version))

    assert [i for i in ids if "upsample_" in i] == [f"MJ::JOB::upsample_{u}::1::{JOB}::SOLO" for u in upscales]


@pytest.mark.parametrize(("version", "can"), [("4", False), ("5.2", True), ("6.1", True), ("7.0", True), ("8", False)])
def test_zoom_and_pan_by_version(version: str, can: bool):
    """Neither the oldest nor the newest versions zoom or pan."""
    ids = custom_ids(components.single_rows(JOB, version))

    assert (f"MJ::Outpaint::50::1::{JOB}::SOLO" in ids) is can
    assert (f"MJ::CustomZoom::{JOB}" in ids) is can
    assert (f"MJ::JOB::pan_left::1::{JOB}::SOLO" in ids) is can


@pytest.mark.parametrize(("version", "can"), [("6.1", False), ("7.0", True), ("niji 7", True)])
def test_animate_since_version_7(version: str, can: bool):
    """Videos came with version 7."""
    assert (f"MJ::JOB::animate_high::1::{JOB}::SOLO" in custom_ids(components.single_rows(JOB, version))) is can


def test_restyling_leaves_the_original_alone():
    """Only the copy's one button changes."""
    rows = components.grid_rows(JOB)
    changed = components.restyled(rows, f"MJ::JOB::upsample::2::{JOB}")

    assert [b["style"] for b in buttons(changed)][:3] == [2, 1, 2]
    assert [b["style"] for b in buttons(rows)][:3] == [2, 2, 2]
