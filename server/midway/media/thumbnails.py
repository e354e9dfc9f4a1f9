"""Thumbnails of Tasks' pictures: made once for all who ask at the same time, and kept next to the picture."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from midway.discord.partial_file import PartialFile
from midway.domain.errors import Conflict, Reason, Unavailable, Unsupported
from midway.domain.task import Task
from midway.media.archive import Archive
from midway.media.downloads import Downloads
from midway.media.open_picture import OpenPicture, open_picture, opened_in_thread
from midway.pictures.thumbnail import WIDTHS, NoThumbnail

MAX_CONCURRENT = 16  # thumbnails that wait for their picture or to be decoded

# Yields the file of a Task's picture. Raises NotFound, Unavailable, OSError.
PictureFile = Callable[[Task], AbstractAsyncContextManager[Path]]
# Makes a WebP of a file, with the width in pixels. Raises NoThumbnail, FileNotFoundError.
MakeThumbnail = Callable[[Path, int], Awaitable[bytes]]


class Thumbnails:
    """Makes small copies of pictures. Those of final pictures are kept; those of previews are deleted after use.

    Making one is cancelled when its last caller is.
    """

    def __init__(self, archive: Archive, picture_file: PictureFile, make: MakeThumbnail) -> None:
        self._archive = archive
        self._picture_file = picture_file
        self._make = make
        self._making = {
            width: Downloads(
                partial(self._made, width),
                archive.new_part,
                partial(self._keep, width),
                max_concurrent=MAX_CONCURRENT,
                outlasts=False,
            )
            for width in WIDTHS
        }

    @asynccontextmanager
    async def open(self, task: Task, width: int) -> AsyncIterator[OpenPicture]:
        """Open a Task's picture as a WebP `width` pixels wide (one of WIDTHS), or as wide as a smaller picture.

        Raises NotFound (IMAGE_NOT_AVAILABLE) when there is no picture, Unsupported when it is a film, Conflict when no
        thumbnail can be made of it, Unavailable when Discord does not deliver the picture now or no disk can store it.
        """
        try:
            thumbnail = await self._opened(task, width)
        except OSError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"no disk takes the thumbnail: {err.strerror}") from err
        try:
            yield thumbnail
        finally:
            thumbnail.file.close()

    async def _opened(self, task: Task, width: int) -> OpenPicture:
        kept = await opened_in_thread(partial(self._archive.open_thumbnail, task.id, width))
        if kept:
            return kept
        _refuse_film(task, task.image.content_type if task.image else "")
        async with self._making[width].picture(task) as path:
            return await opened_in_thread(partial(open_picture, path))

    async def _made(self, width: int, task: Task, file: PartialFile) -> None:
        """Make a thumbnail into a file."""
        async with self._picture_file(task) as path:
            try:
                _refuse_film(task, await asyncio.to_thread(_type_of, path))
                data = await self._make(path, width)
            except FileNotFoundError as err:
                message = f"the picture of Task {task.id} has just been removed; ask again"
                raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, message) from err
            except NoThumbnail as err:
                message = f"no thumbnail can be made of the picture of Task {task.id}: {err}"
                raise Conflict(Reason.IMAGE_NOT_AVAILABLE, message, task_id=task.id) from err
        await file.begin("", len(data))
        await file.append(data)

    def _keep(self, width: int, task: Task, part: Path) -> Path:
        return self._archive.keep_thumbnail(task.id, width, part)


def _type_of(path: Path) -> str:
    picture = open_picture(path)
    picture.file.close()
    return picture.content_type


def _refuse_film(task: Task, content_type: str) -> None:
    if content_type.startswith("video/"):
        message = f"Task {task.id} has a film; thumbnails are made of pictures only"
        raise Unsupported(Reason.NOT_IMPLEMENTED, message, task_id=task.id)
