"""Scales the mask of a Vary (Region) to the size of the picture that it covers."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from midway.discord.partial_file import PartialFile
from midway.domain.errors import Refusal
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.pictures.checks import PictureLimits, mask_from_bytes, size_of_file

log = structlog.get_logger(__name__)

# Downloads a Task's picture from Discord to a file. Raises Refusal, OSError.
FetchPicture = Callable[[Task, PartialFile], Awaitable[None]]


# Does what `mask_from_bytes` does.
ReadMask = Callable[[bytes, str, PictureLimits, tuple[int, int] | None], Awaitable[InputImage]]


class MasksInThread:
    """Decodes masks in this process, one at a time, as the largest takes 500 MB. Decoding cannot be interrupted."""

    def __init__(self) -> None:
        self._alone = asyncio.Lock()

    async def mask(self, data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
        """Do what `mask_from_bytes` does, in a thread. Raises what it raises."""
        async with self._alone:
            return await asyncio.to_thread(mask_from_bytes, data, field, limits, size)


class Regions:
    """Scales masks, because clients draw them on a scaled copy of the picture."""

    def __init__(self, fetch: FetchPicture, limits: PictureLimits, read_mask: ReadMask | None = None) -> None:
        self._fetch = fetch
        self._limits = limits
        self._read_mask = read_mask or MasksInThread().mask

    async def fitted(self, mask: InputImage, parent: Task | None) -> InputImage:
        """Return the mask scaled to the parent's picture; unchanged when that picture's size is not known.

        Raises InvalidField naming `mask` when nothing is left of its selection.
        """
        size = await self._size(parent) if parent else None
        if size in {None, (mask.width, mask.height)}:
            return mask
        return await self._read_mask(mask.data, "mask", self._limits, size)

    async def _size(self, parent: Task) -> tuple[int, int] | None:
        image = parent.image
        if image is None:
            return None
        if image.width and image.height:
            return image.width, image.height
        try:
            return await self._size_of_file(parent)
        except (Refusal, OSError) as err:
            log.warning(
                "the size of a picture is not known; its mask is sent unscaled", task_id=parent.id, why=str(err)
            )
            return None

    async def _size_of_file(self, parent: Task) -> tuple[int, int]:
        with tempfile.NamedTemporaryFile() as file:
            await self._fetch(parent, PartialFile(Path(file.name)))
            return await asyncio.to_thread(size_of_file, Path(file.name))
