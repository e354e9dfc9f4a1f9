"""A finished Task's picture as the first frame of a film."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from midway.discord.partial_file import PartialFile
from midway.domain.errors import InvalidField, Reason, Unavailable
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.engine.buttons import PICTURES_IN_GRID
from midway.engine.core.compatibility import PICTURE_PICK
from midway.engine.region import FetchPicture
from midway.pictures.checks import PictureLimits, image_from_bytes

FILM_BUTTON = re.compile(r"MJ::JOB::(?:video_virtual_upscale|animate_\w+_extend)::")

# Cuts a picture, 1 to 4, out of a grid (None: takes the whole) to so many bytes. Raises InvalidField naming `task_id`.
CutOut = Callable[[Path, int | None, int], Awaitable[bytes]]


class Frames:
    """Fetches a Task's picture; of a grid, cuts one of its four pictures out."""

    def __init__(self, fetch: FetchPicture, limits: PictureLimits, cut_out: CutOut, most: int) -> None:
        """Hold at most `most` pictures at a time, on the disk or in memory; further callers wait."""
        self._fetch = fetch
        self._limits = limits
        self._cut_out = cut_out
        self._turns = asyncio.Semaphore(most)

    @asynccontextmanager
    async def of(self, parent: Task, index: int | None) -> AsyncIterator[InputImage]:
        """Give a Task's picture; of a grid, the picture with this index, 1 to 4. Leave the context when it is stored.

        Raises InvalidField naming `task_id` or `index`, NotFound (IMAGE_NOT_AVAILABLE) and Unavailable.
        """
        if parent.image is None:
            raise InvalidField("task_id", f"task {parent.id} has no picture")
        if is_film(parent):
            raise InvalidField("task_id", f"task {parent.id} has a film; `extend` goes on with one")
        number = _number_in_grid(parent, index)
        async with self._turns:
            yield await self._fetched(parent, number)

    async def _fetched(self, parent: Task, number: int | None) -> InputImage:
        try:
            with tempfile.NamedTemporaryFile() as file:
                path = Path(file.name)
                await self._fetch(parent, PartialFile(path))
                data = None if number else await asyncio.to_thread(_small_file, path, self._limits.max_bytes)
                data = data or await self._cut_out(path, number, self._limits.max_bytes)
        except OSError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"no disk takes the picture: {err.strerror}") from err
        return await asyncio.to_thread(image_from_bytes, data, "task_id", self._limits)


def _small_file(path: Path, max_bytes: int) -> bytes | None:
    return path.read_bytes() if path.stat().st_size <= max_bytes else None


def is_film(task: Task) -> bool:
    """Tell whether a Task ended in a film; some come as an animated picture."""
    is_video = task.image is not None and task.image.content_type.startswith("video/")
    return is_video or any(FILM_BUTTON.match(button.custom_id) for button in task.buttons)


def _number_in_grid(parent: Task, index: int | None) -> int | None:
    """Return which picture of a grid is meant; None when the Task's picture is not a grid."""
    is_grid = any(button.custom_id.startswith(PICTURE_PICK) for button in parent.buttons)
    if is_grid and index not in range(1, PICTURES_IN_GRID + 1):
        raise InvalidField("index", f"must be 1 to {PICTURES_IN_GRID}: task {parent.id} has a grid")
    if not is_grid and index not in {None, 0, 1}:
        raise InvalidField("index", f"must be 1 or unset: task {parent.id} has one picture")
    return index if is_grid else None
