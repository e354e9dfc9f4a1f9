"""Pictures and films in Midjourney's sizes and weights; few of them, as each costs up to two seconds."""

import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from discord_simulator.app import Simulator
from discord_simulator.attachments import Picture
from discord_simulator.bot import recipes
from discord_simulator.bot.art import REAL, Art, Painted, drawn, size_for
from discord_simulator.bot.frames import Frame, label_top
from discord_simulator.bot.picture_files import result_picture
from discord_simulator.bot.prompt import Prompt
from discord_simulator.bot.video import REAL_FILM, video_picture
from discord_simulator.options import Options, PictureSize
from PIL import Image, ImageChops, ImageStat

from tests.simulator.boxes import boxes, numbers
from tests.simulator.conftest import Discord
from tests.simulator.player import Player, job_of

JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
FOX = Prompt("a red fox")
MB = 1_000_000
GRID_WEIGHT = range(5 * MB, 15 * MB)


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    """A person whose Midjourney draws in real size."""
    options = Options(pictures=PictureSize.REAL)
    async with (
        Simulator(accounts=1, seed=1, speed=1000, options=options) as simulator,
        aiohttp.ClientSession() as http,
        (discord := Discord(simulator, http)).connect() as client,
    ):
        await client.identify()
        yield Player(simulator, client, discord.call)


def source(ratio: float = 1.0) -> Painted:
    return Painted("source", size_for(ratio, REAL.area), "a fox", is_detailed=True)


def result(*arts: Art) -> Picture:
    """Draw the result of a job with these arts."""
    frames = tuple(Frame(art, n, str(FOX), JOB) for n, art in enumerate(arts, start=1))
    return result_picture(frames, username="user", prompt=str(FOX), job_id=JOB)


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


async def test_a_grid_and_what_is_made_of_it(player: Player):
    """A grid of 2048 pixels, U2 with 1024 that is its second quadrant to the pixel, and 2048 of an upscale."""
    grid = await player.imagine()
    pick = await player.pick(grid, "U2")
    await player.press(pick, "Upscale (Subtle)")
    large = await player.result()

    attached = [message["attachments"][0] for message in (grid, pick, large)]
    assert [(each["width"], each["height"]) for each in attached] == [(2048, 2048), (1024, 1024), (2048, 2048)]
    assert attached[0]["size"] in GRID_WEIGHT
    whole, second = await player.image(grid), await player.image(pick)
    assert ImageChops.difference(whole.crop((1024, 0, 2048, 1024)), second).getbbox() is None
    assert [image.info["midway:quadrant"] for image in (whole, second)] == ["1-4", "2"]
    assert second.info["midway:grid"] == whole.info["midway:job"] == job_of(grid)


@pytest.mark.parametrize(("ratio", "size"), [("16:9", (2732, 1536)), ("2:3", (1672, 2508))])
def test_other_ratios_have_as_many_pixels(ratio: str, size: tuple[int, int]):
    """The area stays, and with it the weight."""
    picture = result(*recipes.imagined(())(JOB, FOX.having("ar", ratio), REAL))

    assert (picture.width, picture.height) == size
    assert len(picture.data) in GRID_WEIGHT


def test_the_largest_upscale_has_4096_pixels():
    """It shows its source, in 16 times the pixels, and weighs tens of megabytes."""
    art = source()
    picture = result(*recipes.enlarged(art, "4x")(JOB, FOX, REAL))
    shrunk = opened(picture).resize(art.size, Image.Resampling.BOX).crop((0, 0, art.size[0], label_top(art.size)))
    difference = ImageStat.Stat(ImageChops.difference(shrunk, drawn(art).crop((0, 0, *shrunk.size))))

    assert (picture.width, picture.height) == (4096, 4096)
    assert len(picture.data) in range(15 * MB, 40 * MB)
    assert max(difference.mean) < 4


def test_a_region_changes_nothing_elsewhere():
    """Where the mask is black, all four are the source to the pixel; elsewhere they are not."""
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 32))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    art = source()
    repainted = [drawn(each) for each in recipes.repainted(art, buffer.getvalue())(JOB, FOX, REAL)]

    for image in repainted:
        box = ImageChops.difference(image, drawn(art)).getbbox()
        assert box
        assert box[2] <= 513
        assert box[3] <= 513


def test_image_prompts_are_no_lighter():
    """A plain photo has no detail of its own; its blend weighs what every grid weighs."""
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(buffer, "PNG")
    picture = result(*recipes.blended((buffer.getvalue(),) * 2)(JOB, FOX, REAL))

    assert len(picture.data) in GRID_WEIGHT


def test_pans_grow_up_to_4096():
    art: Art = source()
    for n in range(6):
        art = recipes.panned(art, "left")(f"{JOB}{n}", FOX, REAL)[0]

    assert art.size == (4096, 1024)


def test_the_same_job_gives_the_same_bytes():
    """Grain follows from the job, too."""
    made = []
    for _ in range(2):
        drawn.cache_clear()
        made.append(result(*recipes.imagined(())(JOB, FOX, REAL)[:1]).data)

    assert made[0] == made[1]


def film(count: int = 1, *, least_bytes: int = 0) -> Picture:
    frames = tuple(Frame(source(), n, str(FOX), JOB) for n in range(1, count + 1))
    return video_picture(frames, job_id=JOB, motion="high", film=REAL_FILM, least_bytes=least_bytes)


def test_a_film_can_be_seeked_before_it_is_there():
    """The index stands before the samples; each second of its five begins with a key frame."""
    picture = film()
    found = boxes(picture.data)

    assert list(found)[:2] == [b"ftyp", b"moov"]
    assert list(found)[-1] == b"mdat"
    assert numbers(found[b"mvhd"])[3:5] == (1000, 5000)
    assert numbers(found[b"mdhd"])[3:5] == (24_000, 5 * 24_000)
    assert numbers(found[b"stss"])[2:] == (1, 25, 49, 73, 97)
    assert sum(numbers(found[b"stsz"])[3:]) == len(found[b"mdat"])
    assert (picture.width, picture.height) == (624, 624)
    assert len(picture.data) > 5 * MB


def test_a_film_can_be_as_heavy_as_it_is_asked_to_be():
    """Its clip is shown again and again; the index still covers every byte of it."""
    picture = film(least_bytes=60 * MB)
    found = boxes(picture.data)

    assert len(picture.data) in range(60 * MB, 70 * MB)
    assert sum(numbers(found[b"stsz"])[3:]) == len(found[b"mdat"])
    assert numbers(found[b"mvhd"])[4] == len(numbers(found[b"stss"])[2:]) * 1000


async def test_a_film_is_as_heavy_as_the_option_says(player: Player):
    """`film_bytes` holds for films that are ordered from then on, through the bot."""
    player.simulator.world.options.pictures = PictureSize.SMALL
    player.simulator.world.options.film_bytes = 2 * MB
    grid = await player.imagine()
    pick = await player.pick(grid, "U1")
    await player.press(pick, "Animate (High motion)")
    attached = (await player.result())["attachments"][0]

    assert attached["content_type"] == "video/mp4"
    assert attached["size"] in range(2 * MB, 3 * MB)
