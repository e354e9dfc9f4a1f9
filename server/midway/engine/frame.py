"""A finished Task's picture as the first frame of a film."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from midway.discord.partial_file import PartialFile
from midway.domain.action import Action, custom_id_of_change
from midway.domain.errors import InvalidField, Reason, Unavailable
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.engine.region import FetchPicture
from midway.pictures.checks import PictureLimits, image_from_bytes

PICTURES_IN_GRID = 4

# Cuts a picture out of a grid, as PNG; 1 to 4. Raises InvalidField naming `task_id`.
CutOut = Callable[[Path, int], Awaitable[bytes]]


class Frames:
    """Fetches a Task's picture; of a grid, cuts one of its four pictures out."""

    def __init__(self, fetch: FetchPicture, limits: PictureLimits, cut_out: CutOut) -> None:
        self._fetch = fetch
        self._limits = limits
        self._cut_out = cut_out

    async def of(self, parent: Task, index: int | None) -> InputImage:
        """Return a Task's picture; of a grid, the picture with this index, 1 to 4.

        Raises InvalidField naming `task_id` or `index`, NotFound (IMAGE_NOT_AVAILABLE) and Unavailable.
        """
        if parent.image is None:
            raise InvalidField("task_id", f"task {parent.id} has no picture")
        if parent.image.content_type.startswith("video/"):
            raise InvalidField("task_id", f"task {parent.id} has a film; `extend` goes on with one")
        number = _number_in_grid(parent, index)
        try:
            with tempfile.NamedTemporaryFile() as file:
                path = Path(file.name)
                await self._fetch(parent, PartialFile(path))
                data = await (self._cut_out(path, number) if number else asyncio.to_thread(path.read_bytes))
        except OSError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"no disk takes the picture: {err.strerror}") from err
        return image_from_bytes(data, "task_id", self._limits)


def _number_in_grid(parent: Task, index: int | None) -> int | None:
    """Return which picture of a grid is meant; None when the Task's picture is not a grid."""
    is_grid = custom_id_of_change(Action.UPSCALE, 1, tuple(button.custom_id for button in parent.buttons)) is not None
    if is_grid and index not in range(1, PICTURES_IN_GRID + 1):
        raise InvalidField("index", f"must be 1 to {PICTURES_IN_GRID}: task {parent.id} has a grid")
    if not is_grid and index not in {None, 0, 1}:
        raise InvalidField("index", f"must be 1 or unset: task {parent.id} has one picture")
    return index if is_grid else None
