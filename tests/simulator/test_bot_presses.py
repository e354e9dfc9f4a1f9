"""Buttons under results: discord-wire §2.4 (b), (c), (e), (m) and §2.5."""

import io

import pytest
from discord_simulator.bot.frames import label_top
from discord_simulator.rest.context import BOT
from PIL import Image, ImageChops

from tests.simulator.player import Player, button, job_of, labels

USER = "<@100000000000000001>"


def differing_box(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """Give the box in which two pictures differ; None when they are equal."""
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox()


def quadrant(image: Image.Image, number: int) -> Image.Image:
    """Cut one of the four out of a grid."""
    width, height = image.width // 2, image.height // 2
    left, top = (number - 1) % 2 * width, (number - 1) // 2 * height
    return image.crop((left, top, left + width, top + height))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_pick_is_the_quadrant_of_its_grid(player: Player, number: int):
    """U1-U4 give exactly that quadrant, under a job UUID of its own."""
    grid = await player.imagine()
    pick = await player.pick(grid, f"U{number}")

    image = await player.image(pick)
    assert differing_box(image, quadrant(await player.image(grid), number)) is None
    assert image.info["midway:quadrant"] == str(number)
    assert image.info["midway:grid"] == job_of(grid)
    assert image.info["midway:job"] == job_of(pick) != job_of(grid)


async def test_pick_is_a_reply_without_progress(player: Player):
    """A pick comes as one message, a reply to its grid, with neither mode nor nonce."""
    grid = await player.imagine()
    pick = await player.pick(grid, "U2")

    assert pick["content"].split("\n")[0].removesuffix(" ").startswith(f"**a red fox --v 7.0** - Image #2 {USER}")
    assert pick["type"] == 19
    assert pick["message_reference"]["message_id"] == grid["id"]
    assert pick["referenced_message"]["id"] == grid["id"]
    assert "nonce" not in pick


async def test_pick_may_carry_the_nonce(player: Player):
    """Since 2025 the nonce is also on a message that already holds the picture."""
    player.simulator.world.options.final_has_nonce = True
    grid = await player.imagine()
    nonce = await player.press(grid, "U2")

    assert (await player.result())["nonce"] == nonce


async def test_pressed_message_is_edited(player: Player):
    """The parent shows which button was used; its text stays the final one."""
    grid = await player.imagine()
    await player.press(grid, "U2")
    edit = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == grid["id"])

    assert button(edit, "U2")["style"] == 1
    assert button(edit, "U1")["style"] == 2
    assert edit["content"] == grid["content"]


@pytest.mark.parametrize(
    ("label", "verb"),
    [
        ("Vary (Strong)", "Variations (Strong) by "),
        ("Vary (Subtle)", "Variations (Subtle) by "),
        ("Zoom Out 2x", "Zoom Out by "),
        ("Zoom Out 1.5x", "Zoom Out by "),
        ("⬅️", "Pan Left by "),
        ("➡️", "Pan Right by "),
        ("⬆️", "Pan Up by "),
        ("⬇️", "Pan Down by "),
    ],
)
async def test_button_of_a_single_makes_a_grid(player: Player, label: str, verb: str):
    """Vary, zoom and pan start with the nonce, say what they do, and end in a grid that replies to the single."""
    single = await player.pick(await player.imagine())
    nonce = await player.press(single, label)
    start = await player.start()
    result = await player.result()

    assert start["nonce"] == nonce
    assert start["content"] == f"**a red fox --v 7.0** - {verb}{USER} (Waiting to start)"
    assert result["content"].startswith(f"**a red fox --v 7.0** - {verb}{USER} (fast)")
    assert result["message_reference"]["message_id"] == single["id"]
    assert labels(result)[:4] == ["U1", "U2", "U3", "U4"]


@pytest.mark.parametrize(
    ("flavour", "prompt"), [("Subtle", "a red fox"), ("Creative", "fox --v 6.1"), ("4x", "fox --v 5.2")]
)
async def test_upscale_names_its_flavour(player: Player, flavour: str, prompt: str):
    """High resolution: Upscaling while it runs, Upscaled when done, one larger picture."""
    single = await player.pick(await player.imagine(prompt))
    await player.press(single, f"Upscale ({flavour})")
    start, result = await player.start(), await player.result()

    small, large = await player.image(single), await player.image(result)
    assert "- Upscaling" in start["content"]
    assert f"- Upscaled ({flavour}) by {USER} (fast)" in result["content"]
    assert large.width == small.width * (4 if flavour == "4x" else 2)
    assert job_of(result) != job_of(single)


async def test_variations_of_a_grid_follow_the_account(player: Player):
    """V1-V4 vary strongly with High Variation Mode on, subtly with it off."""
    grid = await player.imagine()
    await player.press(grid, "V3")
    strong = await player.result()
    player.simulator.world.accounts[0].settings[player.bot].high_variation = False
    await player.press(grid, "V3")
    subtle = await player.result()

    assert "- Variations (Strong) by " in strong["content"]
    assert "- Variations (Subtle) by " in subtle["content"]


async def test_variation_derives_from_its_parent(player: Player):
    """A subtle variation stays nearer to its parent than a strong one."""
    grid = await player.imagine()
    parent = quadrant(await player.image(grid), 2)
    single = await player.pick(grid, "U2")
    distances = {}
    for strength in ("Subtle", "Strong"):
        await player.press(single, f"Vary ({strength})")
        child = quadrant(await player.image(await player.result()), 1).resize(parent.size)
        difference = ImageChops.difference(parent.convert("L"), child.convert("L"))
        distances[strength] = sum(level * count for level, count in enumerate(difference.histogram()))

    assert 0 < distances["Subtle"] < distances["Strong"]


async def test_reroll_makes_other_pictures_of_the_same_prompt(player: Player):
    """🔄 repeats the job: same text, new UUID, new pictures, a reply to the old ones."""
    grid = await player.imagine()
    await player.press(grid, "🔄")
    again = await player.result()

    assert again["content"].split(" (fast)")[0] == grid["content"].split(" (fast)")[0]
    assert job_of(again) != job_of(grid)
    assert again["message_reference"]["message_id"] == grid["id"]
    assert differing_box(await player.image(again), await player.image(grid)) is not None


async def test_pan_grows_the_canvas_to_one_side(player: Player):
    """A pan to the right keeps the old picture at the left of a wider one."""
    single = await player.pick(await player.imagine())
    await player.press(single, "➡️")
    panned = quadrant(await player.image(await player.result()), 1)

    before = await player.image(single)
    art = (0, 0, before.width, label_top(before.size))
    assert panned.width == pytest.approx(before.width * 1.5, abs=2)
    assert differing_box(panned.crop(art), before.crop(art)) is None


async def test_region_changes_the_masked_area_only(player: Player):
    """Vary (Region): the iframe's token and a mask give pictures that differ under the white part alone."""
    single = await player.pick(await player.imagine())
    before = await player.image(single)
    await player.press(single, "Vary (Region)")
    iframe = await player.event("INTERACTION_IFRAME_MODAL_CREATE")
    mask = Image.new("L", before.size)
    mask.paste(255, (20, 30, 120, 140))
    assert await player.submit_mask(iframe, png(mask), "a hat") == 200
    result = await player.result()

    art = (0, 0, before.width, label_top(before.size))
    box = differing_box(quadrant(await player.image(result), 3).crop(art), before.crop(art))
    assert "- Remix (Region) by " in result["content"]
    assert box is not None
    assert box[0] >= 20
    assert box[1] >= 30
    assert box[2] <= 120
    assert box[3] <= 140


async def test_region_start_carries_the_click_but_no_nonce(player: Player):
    """The editor has no nonce of its own: only the click's interaction id ties the job to it."""
    single = await player.pick(await player.imagine())
    nonce = await player.press(single, "Vary (Region)")
    iframe = await player.event("INTERACTION_IFRAME_MODAL_CREATE")
    await player.submit_mask(iframe, png(Image.new("L", (8, 8), 255)), "")
    start = await player.start()

    assert iframe["nonce"] == nonce
    assert "nonce" not in start
    assert start["interaction_metadata"]["id"] == iframe["id"]


async def test_region_token_is_good_once(player: Player):
    """An editor can be sent back once, and only by its own token."""
    single = await player.pick(await player.imagine())
    await player.press(single, "Vary (Region)")
    iframe = await player.event("INTERACTION_IFRAME_MODAL_CREATE")
    mask = png(Image.new("L", (8, 8), 255))

    assert await player.submit_mask(iframe, mask, "a hat") == 200
    assert await player.submit_mask(iframe, mask, "a hat") == 404


async def test_animate_makes_videos_that_can_be_picked_and_extended(player: Player):
    """Animate, pick one of the four, extend it: three MP4s, each its own job."""
    single = await player.pick(await player.imagine())
    await player.press(single, "Animate (High motion)")
    videos = await player.result()
    await player.press(videos, "U3")
    video = await player.result()
    await player.press(video, "Extend (Low motion)")
    longer = await player.result()

    assert "--video 1" in videos["content"]
    assert videos["attachments"][0]["filename"] == f"{job_of(videos)}_0.mp4"
    assert button(videos, "U3")["custom_id"] == f"MJ::JOB::video_virtual_upscale::3::{job_of(videos)}"
    assert button(video, "Extend (Low motion)")["custom_id"] == f"MJ::JOB::animate_low_extend::3::{job_of(video)}"
    assert (await player.download(longer["attachments"][0]["url"]))[4:12] == b"ftypisom"


async def test_bookmark_restyles_and_makes_no_job(player: Player):
    """❤️ turns green, and back."""
    single = await player.pick(await player.imagine())
    jobs = list(player.simulator.world.journal.lines(kind="job"))
    await player.press(single, "❤️")
    edit = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == single["id"])

    assert button(edit, "❤️")["style"] == 3
    assert list(player.simulator.world.journal.lines(kind="job")) == jobs


async def test_button_of_a_forgotten_job_fails(player: Player):
    """When the bot knows nothing of the job, Discord reports an INTERACTION_FAILURE."""
    grid = await player.imagine()
    player.simulator._app[BOT].reset()
    nonce = await player.press(grid, "U1")

    assert (await player.event("INTERACTION_FAILURE"))["nonce"] == nonce


def png(image: Image.Image) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
