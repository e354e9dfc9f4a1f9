"""/describe, /shorten and /blend: discord-wire §2.4 (f), (g)."""

import io
import re

import pytest
from PIL import Image, ImageStat

from tests.simulator.player import Player, button, labels


def png(colour: str, size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


async def described(player: Player) -> dict:
    await player.command_with_files("describe", [png("purple")], image=0)
    return await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))


async def test_describe_edits_its_own_message(player: Player):
    """The message with the nonce becomes the result: four lines, the picture, six buttons."""
    nonce = await player.command_with_files("describe", [png("purple")], image=0)
    start = await player.event("MESSAGE_CREATE")
    result = await player.event("MESSAGE_UPDATE")

    lines = result["embeds"][0]["description"].split("\n\n")
    assert start["nonce"] == nonce
    assert result["id"] == start["id"]
    assert [line.split(" ")[0] for line in lines] == ["1️⃣", "2️⃣", "3️⃣", "4️⃣"]
    assert all("purple" in line and line.endswith("--ar 3:2") for line in lines)
    assert labels(result) == ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "🔄", "Imagine all"]


async def test_describe_shows_the_picture_sent(player: Player):
    """The embed's image is the picture, at its own link and size."""
    result = await described(player)

    image = result["embeds"][0]["image"]
    assert (image["width"], image["height"]) == (60, 40)
    assert await player.download(image["url"]) == png("purple")


async def test_describe_by_link(player: Player):
    """A link to a picture on the CDN works like the picture."""
    grid = await player.imagine()
    await player.command("describe", link=grid["attachments"][0]["url"])
    result = await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))

    assert result["embeds"][0]["description"].startswith("1️⃣ ")


async def test_describe_refuses_what_is_no_picture(player: Player):
    """A text file is answered by an error embed."""
    await player.command_with_files("describe", [b"not a picture"], image=0)

    assert (await player.refused())["title"] == "Invalid image"


async def test_description_opens_a_form_and_becomes_an_imagine(player: Player):
    """1️⃣-4️⃣ open a form with that line; sending it back makes a grid that replies to the description."""
    result = await described(player)
    await player.press(result, "2️⃣")
    modal = await player.event("INTERACTION_MODAL_CREATE")
    await player.submit(modal)
    grid = await player.result()

    prefilled = modal["components"][0]["components"][0]["value"]
    assert modal["custom_id"] == "MJ::Picreader::Modal::2"
    assert f"2️⃣ {prefilled}" in result["embeds"][0]["description"]
    assert grid["content"].startswith(f"**{prefilled} --v 7.0** - <@")
    assert grid["message_reference"]["message_id"] == result["id"]


async def test_imagine_all_makes_four_grids(player: Player):
    """One press, four jobs."""
    result = await described(player)
    await player.press(result, "Imagine all")
    grids = [await player.result() for _ in range(4)]

    assert len({grid["content"].split("**")[1] for grid in grids}) == 4


async def test_retry_describes_anew(player: Player):
    """🔄 edits the message with other words for the same picture."""
    result = await described(player)
    await player.press(result, "🔄")
    again = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == result["id"] and bool(data["embeds"]))

    assert again["embeds"][0]["description"] != result["embeds"][0]["description"]


async def shortened(player: Player) -> dict:
    await player.command("shorten", prompt="a very long and winding prompt about a red fox in the deep green forest")
    return await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))


async def test_shorten_lists_shorter_prompts(player: Player):
    """An analysis, then up to five numbered prompts, one button each, and Show Details."""
    result = await shortened(player)

    embed = result["embeds"][0]
    numbered = re.findall(r"^[1-5]️⃣ (.+)$", embed["description"].split("Shortened prompts")[1], re.MULTILINE)
    assert embed["footer"]["text"] == "Click on a button to imagine one of the shortened prompts"
    assert [len(line) for line in numbered] == sorted((len(line) for line in numbered), reverse=True)
    assert labels(result) == ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "Show Details"]
    assert button(result, "3️⃣")["custom_id"] == "MJ::Job::PromptAnalyzer::3"


async def test_shortened_prompt_opens_a_form_and_becomes_an_imagine(player: Player):
    """The form is named after the shorten message."""
    result = await shortened(player)
    await player.press(result, "5️⃣")
    modal = await player.event("INTERACTION_MODAL_CREATE")
    await player.submit(modal)
    grid = await player.result()

    assert modal["custom_id"] == f"MJ::ImagineModal::{result['id']}"
    assert grid["content"].startswith(f"**{modal['components'][0]['components'][0]['value']} --v 7.0** - <@")


async def test_show_details_edits_weights_into_the_message(player: Player):
    """Every word with its weight; the numbered prompts stay."""
    result = await shortened(player)
    await player.press(result, "Show Details")
    details = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == result["id"])

    assert re.search(r"fox \(\d\.\d\d\)", details["embeds"][0]["description"])
    assert "Show Details" not in labels(details)


async def test_blend_mixes_the_pictures_sent(player: Player):
    """Red and blue make something of both; the prompt is their short links and the dimensions."""
    await player.command_with_files("blend", [png("red"), png("blue")], image1=0, image2=1, dimensions="--ar 2:3")
    grid = await player.result()

    image = (await player.image(grid)).convert("RGB")
    reds, _, blues = ImageStat.Stat(image).mean
    assert re.match(r"\*\*<https://s.mj.run/.{11}> <https://s.mj.run/.{11}> --ar 2:3 --v 7.0\*\* - <@", grid["content"])
    assert min(reds, blues) > 60
    assert image.height == pytest.approx(image.width * 1.5, rel=0.02)
