"""Pictures that are drawn when they are first read: what was said of them before holds."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import aiohttp
import pytest
from discord_simulator.app import Simulator
from discord_simulator.attachments import LatePicture
from discord_simulator.bot import recipes
from discord_simulator.bot.frames import Frame
from discord_simulator.bot.picture_files import late_preview, late_result, preview_form
from discord_simulator.bot.prompt import Prompt
from discord_simulator.options import Options, PictureSize
from PIL import Image, ImageChops

from tests.simulator.conftest import Discord
from tests.simulator.drawing_pool_help import busy
from tests.simulator.player import Payload, Player, job_of

JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CROWD = 50


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    """A person at a simulator as the command line runs it."""
    options = Options(draws_ahead=False)
    async with (
        Simulator(accounts=1, seed=1, speed=500, options=options) as simulator,
        aiohttp.ClientSession() as http,
        (discord := Discord(simulator, http)).connect() as client,
    ):
        await client.identify()
        yield Player(simulator, client, discord.call)


def noise(size: tuple[int, int] = (900, 900)) -> bytes:
    """A photo in which no encoder finds anything to leave out."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", size, Random(1).randbytes(3 * size[0] * size[1])).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def frames(prompt: Prompt, *photos: bytes) -> tuple[Frame, ...]:
    arts = recipes.blended(photos)(JOB, prompt) if photos else recipes.imagined(())(JOB, prompt)
    return tuple(Frame(art, n, str(prompt), JOB) for n, art in enumerate(arts, start=1))


def assert_as_said(picture: LatePicture) -> Image.Image:
    """The file has the size, the pixels and the format that were said; give it opened."""
    data = picture.draw()
    image = Image.open(io.BytesIO(data))
    image.load()
    assert len(data) == picture.size
    assert image.size == (picture.width, picture.height)
    assert picture.content_type == Image.MIME[image.format or ""]
    return image


@pytest.mark.parametrize("ratio", ["1:1", "3:2", "1:10"])
@pytest.mark.parametrize("photos", [(), (noise(), noise())], ids=["painted", "noise"])
@pytest.mark.parametrize("count", [1, 4])
def test_a_result_weighs_what_was_said(ratio: str, photos: tuple[bytes, ...], count: int):
    prompt = Prompt("一只红狐狸 🦊 " * 200).having("ar", ratio)
    image = assert_as_said(late_result(frames(prompt, *photos)[:count], username="u", prompt=str(prompt), job_id=JOB))

    assert image.info["midway:prompt"] == str(prompt)


@pytest.mark.parametrize("style", ["grid_webp", "step_jpeg"])
@pytest.mark.parametrize("photos", [(), (noise(), noise())], ids=["painted", "noise"])
@pytest.mark.parametrize("count", [1, 4])
def test_a_preview_weighs_what_was_said(style, photos: tuple[bytes, ...], count: int):
    shown = frames(Prompt("a red fox"), *photos)[:count]

    assert_as_said(late_preview(preview_form(shown, job_id=JOB, step=1, style=style), 93))


async def test_everything_is_said_although_nothing_can_be_drawn(player: Player):
    """Messages do not wait for pictures that nobody reads."""
    player.simulator.world.options.slots = CROWD
    with busy(player.simulator.world.drawing_pool):
        for n in range(CROWD):
            await player.command("imagine", prompt=f"fox {n}")
        grids = [await player.result() for _ in range(CROWD)]

    previews = [data for name, data in player.seen if name == "MESSAGE_UPDATE" and data["attachments"]]
    assert len({job_of(grid) for grid in grids}) == CROWD
    assert len(previews) > CROWD


async def test_what_is_read_is_the_jobs_own_picture(player: Player):
    """A grid, a pick out of it to the pixel, an upscale of that, and the last preview after the job's end."""
    grid = await player.imagine("a red fox")
    preview = [d for name, d in player.seen if name == "MESSAGE_UPDATE" and d["attachments"]][-1]
    pick = await player.pick(grid, "U2")
    await player.press(pick, "Upscale (Subtle)")
    large = await player.result()
    whole, second, upscaled = [await player.image(message) for message in (grid, pick, large)]

    half = whole.width // 2
    assert [each.info["midway:quadrant"] for each in (whole, second, upscaled)] == ["1-4", "2", "1"]
    assert second.info["midway:grid"] == whole.info["midway:job"] == job_of(grid)
    assert ImageChops.difference(whole.crop((half, 0, 2 * half, half)), second).getbbox() is None
    assert upscaled.size == (2 * second.width, 2 * second.height)
    assert (await player.image(preview)).format == "WEBP"


async def fetched(player: Player, message: Payload, method: str = "GET", **headers: str) -> tuple[int, str, str, bytes]:
    """Ask for a message's picture; give status, length, ETag and body."""
    url = message["attachments"][0]["url"]
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with player.client._http.request(method, url, headers=fields) as response:
        body = await response.read()
        return response.status, response.headers.get("Content-Length", ""), response.headers["ETag"], body


async def test_size_etag_parts_and_the_head_alone_are_true_from_the_first_request(player: Player):
    grid = await player.imagine()
    size = grid["attachments"][0]["size"]
    head = await fetched(player, grid, "HEAD")
    whole = await fetched(player, grid)
    part = await fetched(player, grid, Range=f"bytes={size - 100}-", If_Range=head[2])

    etag = f'"{hashlib.md5(whole[3]).hexdigest()}"'
    assert head == (200, str(size), etag, b"")
    assert whole[:3] == (200, str(size), etag)
    assert part == (206, "100", etag, whole[3][-100:])
    assert (await fetched(player, grid, If_None_Match=etag))[0] == 304


async def test_many_readers_at_once_get_the_same(player: Player):
    grid = await player.imagine()
    answers = await asyncio.gather(*(fetched(player, grid) for _ in range(20)))

    assert len(set(answers)) == 1


async def test_the_bot_reads_its_own_late_pictures(player: Player):
    """A link to a picture that nobody read yet is a picture in a prompt, and in a describe."""
    grid = await player.imagine()
    await player.imagine(f"{grid['attachments'][0]['url']} a fox")
    await player.command("describe", link=grid["attachments"][0]["url"])

    assert (await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"])))["embeds"][0]["description"]


async def test_a_reset_ends_the_wait_for_a_picture(player: Player, monkeypatch: pytest.MonkeyPatch):
    grid = await player.imagine()
    world, asked = player.simulator.world, asyncio.Event()
    draw = world.drawing_pool.draw

    def noted(*arguments: Any, **options: Any) -> asyncio.Future[Any]:
        asked.set()
        return draw(*arguments, **options)

    path = grid["attachments"][0]["url"].removeprefix(world.files.base_url)
    with busy(world.drawing_pool):
        monkeypatch.setattr(world.drawing_pool, "draw", noted)
        waiting = asyncio.create_task(player._call("GET", path))
        await asked.wait()
        world.reset()

        assert (await waiting)[0] == 404


@pytest.mark.parametrize("changes", [{"pictures": PictureSize.REAL}, {"draws_ahead": True}])
async def test_real_pictures_and_those_drawn_ahead_weigh_what_they_weigh(player: Player, changes: Payload):
    """No byte of theirs is there for the size alone."""
    for name, value in changes.items():
        setattr(player.simulator.world.options, name, value)
    grid = await player.imagine()

    assert (await fetched(player, grid))[3].endswith(b"IEND\xaeB`\x82")
