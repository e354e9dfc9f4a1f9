"""Films: asked for by a parameter and a picture, or by a press; picked, and extended. Payloads 024 to 027."""

import io
import re

import pytest
from PIL import Image

from tests.simulator.player import Payload, Player, button, job_of, labels

USER = "<@100000000000000001>"
SHORT_LINK = r"<https://s\.mj\.run/[\w-]{11}>"


async def film(player: Player, parameters: str, words: str = "blink once") -> Payload:
    """Make films of a new grid's picture."""
    grid = await player.imagine("a red fox --ar 3:2")
    await player.command("imagine", prompt=f"{grid['attachments'][0]['url']} {words} {parameters}")
    return await player.result()


@pytest.mark.parametrize(
    ("parameters", "written", "count"),
    [
        ("--video 1", "--video 1", 4),
        ("--video", "--video 1", 4),
        ("--motion high", "--motion high --video 1", 4),
        ("--bs 2", "--bs 2 --video 1", 2),
        ("--loop", "--end loop --video 1", 4),
        ("--end loop", "--end loop --video 1", 4),
        ("--video 1 --bs 1 --motion low", "--motion low --bs 1 --video 1", 1),
    ],
)
async def test_each_parameter_asks_for_films(player: Player, parameters: str, written: str, count: int):
    """The text is the real one: short link, words, parameters, the picture's ratio; a link before the mode."""
    made = await film(player, parameters)

    job = job_of(made)
    assert re.fullmatch(
        rf"\*\*{SHORT_LINK} blink once {written} --aspect \d+:\d+\*\* - {USER} "
        rf"\[\(Open on website for full quality\)\]\(https://midjourney\.com/jobs/{job}\) \(fast\)",
        made["content"].split("\n")[0],
    )
    assert labels(made) == [*(f"U{n}" for n in range(1, count + 1)), "🔄", "Web"]
    assert made["attachments"][0]["content_type"] == "video/mp4"
    assert (await player.download(made["attachments"][0]["url"]))[4:12] == b"ftypisom"


async def test_a_film_counts_up_to_a_hundred(player: Player):
    """The last percent has no mode."""
    await film(player, "--video 1")

    said = [data["content"] for name, data in player.seen if name == "MESSAGE_UPDATE"]
    assert said[-1].endswith(f"{USER} (100%)")


async def test_an_end_frame_is_a_link_too(player: Player):
    """It becomes a short link; one that has expired is refused like any other picture."""
    grid = await player.imagine()
    link = grid["attachments"][0]["url"]
    await player.command("imagine", prompt=f"{link} --end {link} --bs 1")
    made = await player.result()
    player.simulator.world.files.expire_links()
    await player.command("imagine", prompt=f"https://example.com/one.png --end {link}")

    assert re.search(rf"--bs 1 --end {SHORT_LINK} --video 1 --aspect 1:1", made["content"])
    assert (await player.refused())["title"] == "Invalid link"


@pytest.mark.parametrize("parameter", ["--video 1", "--motion low", "--bs 1", "--loop", "--end loop"])
async def test_without_a_picture_there_is_no_film(player: Player, parameter: str):
    """The bot misses the first frame."""
    await player.command("imagine", prompt=f"a car {parameter}")
    refusal = await player.refused()

    assert (refusal["title"], refusal["description"]) == ("Invalid request", "No start frame provided")


async def test_films_may_come_as_one_moving_picture(player: Player):
    """As recorded in 2026: an animated WebP until one of the films is picked."""
    player.simulator.world.options.film_format = "webp"
    made = await film(player, "--video 1")
    await player.press(made, "U2")
    picked = await player.result()

    shown = made["attachments"][0]
    image = Image.open(io.BytesIO(await player.download(shown["url"])))
    assert shown["filename"] == f"video_{job_of(made)}.webp"
    assert getattr(image, "n_frames", 1) > 1
    assert picked["attachments"][0]["content_type"] == "video/mp4"


async def test_animate_says_what_it_animates(player: Player):
    """The text of payload 024."""
    await player.press(await player.pick(await player.imagine()), "Animate (High motion)")
    made = await player.result()

    assert made["content"].startswith(f"**a red fox --motion high --video 1 --aspect 1:1** - {USER} [(Open on")


@pytest.mark.parametrize("names_pick", [True, False])
async def test_an_extension_names_the_film(player: Player, names_pick: bool):
    """Extend's custom id has the film's number, or 1: seen both ways."""
    player.simulator.world.options.extend_names_pick = names_pick
    made = await film(player, "--video 1 --bs 2")
    await player.press(made, "U2")
    picked = await player.result()
    extend = button(picked, "Extend (High motion)")["custom_id"]
    await player.press_id(picked, extend)
    longer = await player.result()

    assert extend == f"MJ::JOB::animate_high_extend::{2 if names_pick else 1}::{job_of(picked)}"
    assert "--motion high --bs 2 --video 1 --aspect " in longer["content"]


@pytest.mark.parametrize("is_ephemeral", [True, False])
async def test_an_extension_may_show_its_progress_to_its_owner_alone(player: Player, is_ephemeral: bool):
    """Payload 027: an ephemeral message loads, and then waits to start; the film is for everybody."""
    await player.press(await film(player, "--bs 1"), "U1")
    picked = await player.result()
    player.simulator.world.options.extend_start_ephemeral = is_ephemeral
    player.simulator.world.options.final_message = "edit"
    nonce = await player.press(picked, "Extend (Low motion)")
    start = await player.event("MESSAGE_CREATE")

    assert start["nonce"] == nonce
    assert start["flags"] == (64 | 128 if is_ephemeral else 0)
    if is_ephemeral:
        waiting = await player.event("MESSAGE_UPDATE", lambda data: data["id"] == start["id"])
        final = await player.result()
        assert (waiting["flags"], waiting["content"][-18:]) == (64, "(Waiting to start)")
    else:
        final = await player.event("MESSAGE_UPDATE", lambda data: bool(data["attachments"]))
    assert (final["flags"], final["id"] == start["id"]) == (0, not is_ephemeral)
