"""A finished Task's picture as the first frame of a film."""

import asyncio
import io
from pathlib import Path

import PIL.Image
import pytest
from midway.discord.partial_file import PartialFile
from midway.domain.action import Action
from midway.domain.errors import Conflict, InvalidField, NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.image import Image, InputImage
from midway.domain.task import END_IMAGE, Ask, Task, VideoAsk
from midway.engine.first_frame import Frames
from midway.pictures.checks import PictureLimits
from msgspec.structs import replace

from tests.support.pictures import plain_picture
from tests.support.rig import Rig
from tests.unit.making import a_task


async def grid_of(rig: Rig) -> Task:
    """Draw a grid."""
    return await rig.succeeded((await rig.engine.submit(Ask(action=Action.IMAGINE, prompt="a red fox"))).task)


def film(parent: Task, index: int | None = None, **asked: object) -> Ask:
    """Ask for a film that begins with a Task's picture."""
    return Ask(action=Action.VIDEO, parent_id=parent.id, index=index, prompt="it runs", **asked)  # type: ignore[arg-type]  # by name


def pixels(data: bytes) -> PIL.Image.Image:
    """Decode a picture."""
    return PIL.Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize(("index", "corner"), [(1, (0, 0)), (2, (1, 0)), (3, (0, 1)), (4, (1, 1))])
async def test_of_a_grid_the_picture_of_the_index_is_sent(rig: Rig, index: int, corner: tuple[int, int]) -> None:
    grid = await grid_of(rig)
    made = await rig.engine.submit(film(grid, index))
    [sent] = await rig.store.inputs(made.task.id)
    whole = pixels(await rig.picture(grid))
    width, height = whole.width // 2, whole.height // 2
    left, top = corner[0] * width, corner[1] * height

    assert pixels(sent.data).tobytes() == whole.crop((left, top, left + width, top + height)).tobytes()
    assert made.task.ask.parent_id == grid.id
    assert (await rig.succeeded(made.task)).action is Action.VIDEO


async def test_a_single_picture_is_sent_as_it_is(rig: Rig) -> None:
    grid = await grid_of(rig)
    picked = await rig.succeeded((await rig.engine.submit(Ask(action=Action.UPSCALE, parent_id=grid.id, index=2))).task)
    made = await rig.engine.submit(film(picked))

    assert [each.data for each in await rig.store.inputs(made.task.id)] == [await rig.picture(picked)]


async def test_the_last_frame_follows_the_first(rig: Rig) -> None:
    grid = await grid_of(rig)
    red = plain_picture("red")
    made = await rig.engine.submit(film(grid, 1, image_count=1, video=VideoAsk(end=END_IMAGE)), [red])
    first, last = await rig.store.inputs(made.task.id)

    assert last == red
    assert first != red


@pytest.mark.parametrize("index", [None, 0, 5])
async def test_a_grid_wants_to_know_which(rig: Rig, index: int | None) -> None:
    grid = await grid_of(rig)

    with pytest.raises(InvalidField) as refused:
        await rig.engine.submit(film(grid, index))

    assert refused.value.field == "index"


async def test_a_task_and_a_picture_are_one_too_many(rig: Rig) -> None:
    grid = await grid_of(rig)

    with pytest.raises(InvalidField) as refused:
        await rig.engine.submit(film(grid, 1, image_count=1), [plain_picture("red")])

    assert refused.value.field == "image"


async def test_a_film_is_no_first_frame(rig: Rig) -> None:
    films = await rig.succeeded(await a_film(rig))

    with pytest.raises(InvalidField) as refused:
        await rig.engine.submit(film(films, 1))

    assert refused.value.field == "task_id"


async def test_a_film_that_comes_as_a_picture_is_no_first_frame(rig: Rig) -> None:
    await rig.control("options", film_format="webp")
    films = await rig.succeeded(await a_film(rig))

    with pytest.raises(InvalidField) as refused:
        await rig.engine.submit(film(films, 1))

    assert films.image is not None
    assert films.image.content_type == "image/webp"
    assert refused.value.field == "task_id"


async def test_nothing_is_fetched_for_what_is_refused_anyway(rig: Rig) -> None:
    grid = await grid_of(rig)
    before = len(rig.journal())

    with pytest.raises(InvalidField):
        await rig.engine.submit(film(grid, 1, video=VideoAsk(batch_size=3)))

    assert [line for line in rig.journal()[before:] if line["kind"] == "download"] == []


async def test_a_task_that_is_not_there_is_told(rig: Rig) -> None:
    with pytest.raises(NotFound) as refused:
        await rig.engine.submit(Ask(action=Action.VIDEO, parent_id=TaskId("17"), prompt="it runs"))

    assert refused.value.reason is Reason.PARENT_NOT_FOUND


async def test_a_grid_has_no_film_to_go_on_with(rig: Rig) -> None:
    grid = await grid_of(rig)

    with pytest.raises(Conflict) as refused:
        await rig.engine.submit(film(grid, 1, video=VideoAsk(extends=True)))

    assert refused.value.reason is Reason.ACTION_NOT_ALLOWED


async def a_film(rig: Rig, *pictures: InputImage) -> Task:
    """Submit a film of a picture."""
    frames = pictures or (plain_picture("green"),)
    return (await rig.engine.submit(Ask(action=Action.VIDEO, prompt="it runs", image_count=len(frames)), frames)).task


async def test_no_more_pictures_are_held_than_the_limit_says() -> None:
    """Each call that begins with a Task's picture would else hold ten megabytes, and a file."""
    held, most, may_go_on = 0, 0, asyncio.Event()

    async def fetch(_task: Task, file: PartialFile) -> None:
        nonlocal held, most
        held += 1
        most = max(most, held)
        if held == 2:
            may_go_on.set()
        await may_go_on.wait()
        file.path.write_bytes(plain_picture("red").data)

    async def never(_path: Path, _number: int | None, _most: int) -> bytes:
        raise AssertionError("it is small")

    frames = Frames(fetch, PictureLimits(), never, 2)
    parent = replace(a_task(), image=Image("https://cdn.example/a.png", content_type="image/png"))

    async def hold() -> None:
        nonlocal held
        async with frames.of(parent, None) as frame:
            assert frame.content_type == "image/png"
            await asyncio.sleep(0)
            held -= 1

    await asyncio.gather(*(hold() for _ in range(10)))
    assert (held, most) == (0, 2)


async def test_a_prompt_without_words_may_hold_dashes(rig: Rig) -> None:
    made = await rig.engine.submit(Ask(action=Action.VIDEO, prompt=" -- \x00", image_count=1), [plain_picture("green")])

    assert made.task.ask.prompt_en == "--video 1 --motion low"
