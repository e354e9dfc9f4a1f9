"""What cases may speak of: Tasks prepared once for each server, pictures, and what earlier steps were told.

A text in a case may hold `${…}`:

    ${grid}                     id of a prepared Task; see `PREPARED`
    ${grid.job_id}              a field of it
    ${picked.button.Upscale (2x)}  custom id of its button with this label or emoji
    ${picked.bookmark}          custom id of its bookmark
    ${saved.NAME}               what an earlier step of the case saved
    ${png.red} ${bare.red}      a picture as a data URL, or its base64 alone
    ${phone}                    a JPEG of a phone, with two pictures in it, as a data URL
    ${lost_plus}                a data URL whose `+` became blanks
    ${mask} ${mask.320}         a mask as a data URL in the size of `picked`, or a square of that side
    ${mask.black}               one that selects nothing
    ${times.N.TEXT}             TEXT, N times
"""

import base64
import re
from collections.abc import Awaitable, Callable
from io import BytesIO
from random import Random
from typing import Any

import aiohttp
from midway.domain.action import Action
from midway.domain.image import InputImage
from midway.domain.task import Ask, State, Task
from PIL import Image

from tests.support.rig import Rig

_HOLE = re.compile(r"\$\{([^}]+)\}")


async def _grid(world: "World") -> Task:
    return await world.rig.succeeded(await world.rig.imagine("a red fox"))


async def _picked(world: "World") -> Task:
    return await world.rig.succeeded(await world.rig.change(await world.task("grid"), Action.UPSCALE, 1))


async def _described(world: "World") -> Task:
    data = picture("red")
    ask = Ask(action=Action.DESCRIBE, image_count=1)
    placed = await world.rig.engine.submit(ask, [InputImage(data, "image/png", 64, 64)])
    return await world.rig.succeeded(placed.task)


async def _shortened(world: "World") -> Task:
    ask = Ask(action=Action.SHORTEN, prompt="a very red and rather small fox in deep snow at night")
    return await world.rig.succeeded((await world.rig.engine.submit(ask)).task)


async def _cancelled(world: "World") -> Task:
    return await world.rig.engine.cancel((await world.rig.imagine("nobody waits for this one")).id)


async def _failed(world: "World") -> Task:
    return await world.rig.ended(await world.rig.imagine("a fox __failed"))


async def _moderated(world: "World") -> Task:
    return await world.rig.ended(await world.rig.imagine("a fox __banned"))


async def _waiting(world: "World") -> Task:
    return await world.rig.press(await world.task("picked"), "Custom Zoom")


PREPARED: dict[str, Callable[["World"], Awaitable[Task]]] = {
    "grid": _grid,  # a finished imagine
    "picked": _picked,  # its U1
    "described": _described,
    "shortened": _shortened,
    "cancelled": _cancelled,
    "failed": _failed,  # broke off while it was drawn
    "moderated": _moderated,  # refused by the bot
    "waiting": _waiting,  # a custom zoom that nobody answers
}


class World:
    """One server with a client for its REST door; the Tasks that cases share are made when first named."""

    def __init__(self, rig: Rig, http: aiohttp.ClientSession, url: str = "") -> None:
        self.rig = rig
        self.http = http
        self.url = url
        self._prepared: dict[str, Task] = {}

    async def task(self, name: str) -> Task:
        """Return a prepared Task."""
        if name not in self._prepared:
            self._prepared[name] = await PREPARED[name](self)
        return self._prepared[name]

    async def filled(self, value: Any, saved: dict[str, Any]) -> Any:
        """Return the value with every `${…}` replaced, however deep."""
        match value:
            case str():
                return await self._filled_text(value, saved)
            case dict():
                return {key: await self.filled(member, saved) for key, member in value.items()}
            case list():
                return [await self.filled(member, saved) for member in value]
        return value

    async def _filled_text(self, text: str, saved: dict[str, Any]) -> Any:
        if (whole := _HOLE.fullmatch(text)) is not None:
            return await self._value(whole[1], saved)
        for hole in _HOLE.findall(text):
            text = text.replace(f"${{{hole}}}", str(await self._value(hole, saved)))
        return text

    async def _value(self, hole: str, saved: dict[str, Any]) -> Any:
        name, *path = hole.split(".", 2)
        match name, path:
            case "saved", [key]:
                return saved[key]
            case "png", [color]:
                return data_url(picture(color))
            case "bare", [color]:
                return data_url(picture(color)).partition(",")[2]
            case "mask", _:
                return data_url(await self._mask(*path))
            case "times", [count, content]:
                return content * int(count)
        return SENT.get(name) or _part(await self.task(name), path)

    async def _mask(self, kind: str = "") -> bytes:
        if kind == "black":
            return picture("black")
        image = (await self.task("picked")).image
        assert image is not None
        return mask((int(kind), int(kind)) if kind else (image.width, image.height))

    async def until(self, task_id: str, state: str) -> None:
        """Return when a Task is in this state (or has ended in another)."""
        await self.rig.until(task_id, State[state])  # type: ignore[arg-type]  # the case names the id as a text


def _part(task: Task, path: list[str]) -> Any:
    match path:
        case []:
            return task.id
        case ["bookmark"]:
            return next(each.custom_id for each in task.buttons if "BOOKMARK" in each.custom_id)
        case ["button", label]:
            return next(each.custom_id for each in task.buttons if label in {each.label, each.emoji})
        case [field]:
            return getattr(task, field)
    raise KeyError(path)


def picture(color: str, size: tuple[int, int] = (64, 64)) -> bytes:
    """Draw a small picture."""
    return _png(Image.new("RGB", size, color))


def mask(size: tuple[int, int]) -> bytes:
    """Draw a mask: white where to draw anew."""
    image = Image.new("RGB", size, "black")
    image.paste("white", (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    return _png(image)


def of_a_phone() -> bytes:
    """Draw a JPEG as phones take them: Pillow calls it MPO."""
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    return file.getvalue()


def with_plus() -> str:
    """Write a picture as a data URL that has `+` in it, of which every other one must be read as such."""
    noise = Image.frombytes("RGB", (64, 64), Random(1).randbytes(64 * 64 * 3))
    text = data_url(_png(noise))
    assert text.count("+") > 10
    return text


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def data_url(picture: bytes, kind: str = "png") -> str:
    """Write a picture as a data URL."""
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()


# Pictures as clients have sent them, by name.
SENT = {"phone": data_url(of_a_phone(), "jpeg"), "lost_plus": with_plus().replace("+", " ")}
