"""Brings the mask of a Vary (Region) to the size of the picture that it covers."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from midway.discord.partial_file import PartialFile
from midway.domain.errors import Refusal
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.engine.picture import PictureLimits, mask_from_bytes, size_of_file

log = structlog.get_logger(__name__)

# Brings a Task's picture from Discord to the disk. Raises Refusal, OSError.
FetchPicture = Callable[[Task, PartialFile], Awaitable[None]]


class Regions:
    """Scales masks; clients draw them on a picture of their own size."""

    def __init__(self, fetch: FetchPicture, limits: PictureLimits) -> None:
        self._fetch = fetch
        self._limits = limits
        self._scaling = asyncio.Lock()  # decoded, the largest mask takes half a gigabyte

    async def fitted(self, mask: InputImage, parent: Task | None) -> InputImage:
        """Return the mask in the size of the parent's picture; as it is where nobody can tell that size.

        Raises InvalidField naming `mask` when nothing of its selection is left.
        """
        size = await self._size(parent) if parent else None
        if size in {None, (mask.width, mask.height)}:
            return mask
        async with self._scaling:
            return await asyncio.to_thread(mask_from_bytes, mask.data, "mask", self._limits, size)

    async def _size(self, parent: Task) -> tuple[int, int] | None:
        image = parent.image
        if image is None:
            return None
        if image.width and image.height:
            return image.width, image.height
        try:
            return await self._size_of_file(parent)
        except (Refusal, OSError) as err:
            log.warning("the size of a picture is not known; its mask goes as it is", task_id=parent.id, why=str(err))
            return None

    async def _size_of_file(self, parent: Task) -> tuple[int, int]:
        with tempfile.NamedTemporaryFile() as place:
            await self._fetch(parent, PartialFile(Path(place.name)))
            return await asyncio.to_thread(size_of_file, Path(place.name))
