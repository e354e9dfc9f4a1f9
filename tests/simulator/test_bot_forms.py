"""Modals: Remix, custom zoom, describe and shorten; discord-wire §1.6 and §2.4 (d)."""

import pytest

from tests.simulator.player import Player, button, job_of


async def with_remix(player: Player) -> None:
    """Turn Remix on."""
    await player.command("prefer")
    await player.event("MESSAGE_CREATE", lambda data: data["content"].startswith("Remix mode turned on"))


async def opened_by(player: Player, message: dict, label: str) -> dict:
    """Press a button and give the form it opens."""
    await player.press(message, label)
    return await player.event("INTERACTION_MODAL_CREATE")


def field(modal: dict) -> dict:
    return modal["components"][0]["components"][0]


@pytest.mark.parametrize(
    ("label", "custom_id"),
    [
        ("Vary (Strong)", "MJ::RemixModal::{job}::1::1"),
        ("Vary (Subtle)", "MJ::RemixModal::{job}::1::0"),
        ("⬅️", "MJ::PanModal::left::{job}::1"),
        ("Animate (Low motion)", "MJ::AnimateModal::{job}::1::low::0"),
        ("Custom Zoom", "MJ::OutpaintCustomZoomModal::{job}"),
    ],
)
async def test_remix_asks_for_a_prompt(player: Player, label: str, custom_id: str):
    """With Remix on the button opens a form, named after job and button, filled with the prompt."""
    await with_remix(player)
    single = await player.pick(await player.imagine())
    modal = await opened_by(player, single, label)

    assert modal["custom_id"] == custom_id.format(job=job_of(single))
    assert field(modal)["value"].startswith("a red fox")


async def test_modal_id_is_the_click_s_interaction_id(player: Player):
    """The form, the click's INTERACTION_CREATE and its INTERACTION_SUCCESS share one id."""
    await with_remix(player)
    grid = await player.imagine()
    nonce = await player.press(grid, "V2")
    modal = await player.event("INTERACTION_MODAL_CREATE")
    success = await player.event("INTERACTION_SUCCESS")

    assert modal["nonce"] == success["nonce"] == nonce
    assert modal["id"] == success["id"]


async def test_changed_prompt_makes_a_remix(player: Player):
    """The submit has a nonce and an interaction id of its own, which the start message carries."""
    await with_remix(player)
    modal = await opened_by(player, await player.imagine(), "V2")
    nonce = await player.submit(modal, "a blue fox")
    start = await player.start()
    result = await player.result()

    assert start["nonce"] == nonce
    assert start["interaction_metadata"]["id"] != modal["id"]
    assert start["interaction_metadata"]["triggering_interaction_metadata"]["id"] == modal["id"]
    assert result["content"].startswith("**a blue fox --v 7.0** - Remix (Strong) by ")


async def test_unchanged_prompt_makes_a_plain_variation(player: Player):
    """A form sent back as it came is what the button means without Remix."""
    await with_remix(player)
    modal = await opened_by(player, await player.imagine(), "V2")
    await player.submit(modal)

    assert "- Variations (Strong) by " in (await player.start())["content"]


async def test_reroll_form_is_named_after_the_message(player: Player):
    """A first generation's reroll opens the form that /imagine would."""
    await with_remix(player)
    grid = await player.imagine()
    modal = await opened_by(player, grid, "🔄")
    await player.submit(modal, "a green fox")

    assert modal["custom_id"] == f"MJ::ImagineModal::{grid['id']}"
    assert (await player.result())["content"].startswith("**a green fox --v 7.0** - <@")


async def test_reroll_of_a_remix_opens_the_parent_s_form(player: Player):
    """A remixed job's reroll opens the same kind of form as the one that ordered it."""
    await with_remix(player)
    first = await opened_by(player, await player.imagine(), "V2")
    await player.submit(first, "a blue fox")
    remix = await player.result()
    again = await opened_by(player, remix, "🔄")

    assert again["custom_id"] == first["custom_id"]


async def test_custom_zoom_asks_without_remix(player: Player):
    """Custom Zoom opens a form whatever the settings; --zoom and --ar say what to draw."""
    single = await player.pick(await player.imagine())
    modal = await opened_by(player, single, "Custom Zoom")
    await player.submit(modal, "a red fox --ar 2:1 --zoom 1.4 --v 7.0")
    result = await player.result()

    image = await player.image(result)
    assert field(modal)["value"] == "a red fox --zoom 2 --v 7.0"
    assert result["content"].startswith("**a red fox --ar 2:1 --v 7.0** - Zoom Out by ")
    assert image.width == pytest.approx(image.height * 2, rel=0.02)


@pytest.mark.parametrize("label", ["Zoom Out 2x", "Upscale (Subtle)"])
async def test_some_buttons_never_ask(player: Player, label: str):
    """Fixed zooms and upscales start at once, also with Remix on."""
    await with_remix(player)
    single = await player.pick(await player.imagine())
    await player.press(single, label)

    assert await player.start()


@pytest.mark.parametrize(("order", "first"), [("before", "INTERACTION_SUCCESS"), ("after", "INTERACTION_MODAL_CREATE")])
async def test_order_of_modal_and_success_is_an_option(player: Player, order: str, first: str):
    """No source guarantees which of the two comes first."""
    single = await player.pick(await player.imagine())
    player.simulator.world.options.modal_success_order = order  # type: ignore[assignment]  # the parameter is one of the literals
    nonce = await player.press(single, "Custom Zoom")
    await player.event("INTERACTION_MODAL_CREATE" if order == "before" else "INTERACTION_SUCCESS")

    names = [name for name, data in player.seen if data.get("nonce") == nonce]
    assert names[1] == first


async def test_bad_parameter_in_a_form_is_refused(player: Player):
    """A form's prompt is checked like any other."""
    single = await player.pick(await player.imagine())
    await player.submit(await opened_by(player, single, "Custom Zoom"), "a red fox --zoom 9")

    assert (await player.refused())["title"] == "Invalid parameter"


async def test_form_presses_mark_the_button_after_the_submit(player: Player):
    """The parent is edited once the job starts, not when the form opens."""
    await with_remix(player)
    grid = await player.imagine()
    await player.submit(await opened_by(player, grid, "V2"))
    edit = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == grid["id"])

    assert button(edit, "V2")["style"] == 1
