"""A Task's picture as a file: how it is found and named, and the RPCs that send it."""

import asyncio
import hashlib
import os
import re
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import BinaryIO, Protocol

from google.api import httpbody_pb2
from midjourney.v1 import query_pb2
from msgspec import Struct

from midway.domain.action import Action
from midway.domain.errors import Conflict, InvalidField, NotFound, Reason, Unsupported
from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.engine.engine import Engine
from midway.pictures.thumbnail import WIDTHS
from midway.rpc.errors import task_not_found
from midway.rpc.interceptors import Context

CHUNK_BYTES = 120 * 1024  # read and sent at a time; for larger blocks malloc would call mmap each time (app/memory.py)
EXTENSIONS = {"jpeg": "jpg", "octet-stream": "bin"}  # by media subtype, where the usual extension differs from it
NAME_CHARACTERS = 60  # of the prompt, in a file's name

# Cache-Control over REST: a final picture never changes. Shared caches may store neither kind.
FOR_EVER = "private, max-age=31536000, immutable"  # a year
PREVIEW = "private, no-cache"


class OpenPicture(Protocol):
    """An open picture: it stays readable if the file is renamed or deleted."""

    @property
    def file(self) -> BinaryIO:
        """The file, open for reading. Concurrent readers share its position, so each must seek before it reads."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def content_type(self) -> str:
        """The media type, detected from the first bytes."""


# Opens a Task's picture, from the archive or from Discord. Raises NotFound and Unavailable.
OpenTaskPicture = Callable[[Task], AbstractAsyncContextManager[OpenPicture]]
# Opens a WebP thumbnail of this width in pixels, made now unless it is stored. Raises Conflict and Unsupported, too.
OpenThumbnail = Callable[[Task, int], AbstractAsyncContextManager[OpenPicture]]


class TaskImage(Struct, frozen=True):
    """A Task's picture or a thumbnail of it, open, with the metadata that clients get."""

    task: Task
    file: BinaryIO
    size: int  # bytes
    content_type: str
    width: int = 0  # requested width of the thumbnail, pixels; 0: the picture itself

    @property
    def etag(self) -> str:
        """The same whenever the picture was fetched: Discord never changes the content at a URL."""
        address = self.task.image.unsigned_url if self.task.image else ""
        which = f"{address} {self.width}" if self.width else address
        return f"{hashlib.sha256(which.encode()).hexdigest()[:16]}-{self.size:x}"

    @property
    def name(self) -> str:
        """The file name; see `file_name`."""
        return file_name(self.task, self.content_type)

    @property
    def cache_control(self) -> str:
        """The value of Cache-Control."""
        return FOR_EVER if self.task.has_final_picture else PREVIEW


class TaskImages:
    """Opens the pictures that clients ask for."""

    def __init__(
        self, engine: Engine, open_picture: OpenTaskPicture, open_thumbnail: OpenThumbnail | None = None
    ) -> None:
        """Without `open_thumbnail` there are no thumbnails."""
        self._engine = engine
        self._open_picture = open_picture
        self._open_thumbnail = open_thumbnail

    @asynccontextmanager
    async def open(self, task_id: str, index: int, width: int = 0) -> AsyncIterator[TaskImage]:
        """Open a picture for reading, or a thumbnail at most `width` pixels wide; 0 is the picture itself.

        Every result has one file, so index 0 is the only one.
        Raises InvalidField for a width that thumbnails do not have, NotFound when there is no picture (yet),
        Unavailable when it cannot be fetched from Discord now, Conflict and Unsupported when it can have no thumbnail.
        """
        if width and width not in WIDTHS:
            raise InvalidField("width", f"must be {', '.join(map(str, WIDTHS))}, or 0 for the picture itself")
        task = await self._engine.store.get(TaskId(task_id))
        if task is None:
            raise task_not_found(task_id)
        if task.image is None or index != 0:
            message = f"Task {task.id} has no picture {index}"
            raise NotFound(Reason.IMAGE_NOT_AVAILABLE, message, task_id=task.id)
        async with self._opened(task, width) as picture:
            yield TaskImage(task, picture.file, picture.size, picture.content_type, width)

    def _opened(self, task: Task, width: int) -> AbstractAsyncContextManager[OpenPicture]:
        if not width:
            return self._open_picture(task)
        if self._open_thumbnail is None:
            raise Unsupported(Reason.NOT_IMPLEMENTED, "this server makes no thumbnails")
        return self._open_thumbnail(task, width)


class ImageCalls:
    """The RPCs that send pictures."""

    def __init__(self, images: TaskImages, max_unary_bytes: int) -> None:
        self._images = images
        self._max_unary_bytes = max_unary_bytes

    async def GetTaskImage(self, request: query_pb2.GetTaskImageRequest, context: Context) -> httpbody_pb2.HttpBody:
        """Send a small picture in one message."""
        async with self._images.open(request.task_id, request.index, request.width) as image:
            if image.size > self._max_unary_bytes:
                message = f"the picture has {image.size} bytes, too many for one message; call DownloadTaskImage"
                raise Conflict(Reason.IMAGE_TOO_LARGE, message, task_id=image.task.id)
            data = await asyncio.to_thread(os.pread, image.file.fileno(), image.size, 0)
            await context.send_initial_metadata((("cache-control", image.cache_control), ("etag", f'"{image.etag}"')))
            return httpbody_pb2.HttpBody(content_type=image.content_type, data=data)

    async def DownloadTaskImage(self, request: query_pb2.DownloadTaskImageRequest, context: Context) -> None:
        """Stream a picture in chunks, with flow control: each write waits for the client."""
        async with self._images.open(request.task_id, request.index, request.width) as image:
            offset = request.offset
            if not 0 <= offset <= image.size:
                raise InvalidField("offset", f"must lie between 0 and the file's size, {image.size}")
            file = query_pb2.ImageFile(
                content_type=image.content_type, size_bytes=image.size, name=image.name, etag=image.etag
            )
            await context.write(query_pb2.DownloadTaskImageResponse(file=file))
            while data := await asyncio.to_thread(os.pread, image.file.fileno(), CHUNK_BYTES, offset):
                await context.write(query_pb2.DownloadTaskImageResponse(data=data))
                offset += len(data)


def file_name(task: Task, content_type: str) -> str:
    """Return a descriptive name for a Task's file: day, prompt, which picture of a grid, Task.

    Letters of every script are kept; everything else becomes dashes, so that the name is safe on every file system.
    """
    day = (task.finished_at or task.created_at).strftime("%Y-%m-%d")
    which = f"u{task.ask.index}" if task.ask.index and task.ask.action is Action.UPSCALE else ""
    parts = (day, _slug(task.ask.prompt or task.final_prompt), which, task.id)
    kind = content_type.rpartition("/")[2]
    return "-".join(part for part in parts if part) + "." + EXTENSIONS.get(kind, kind)


def _slug(text: str) -> str:
    words = re.sub(r"\s--.*", "", unicodedata.normalize("NFC", text), flags=re.DOTALL)
    # Letters, numbers, and the combining marks of some scripts.
    words = re.sub("[\ufe00-\ufe0f]", "", words)  # variation selectors: they only choose how an emoji is drawn
    kept = "".join(sign if unicodedata.category(sign)[0] in "LNM" else "-" for sign in words.lower())
    return re.sub("-+", "-", kept).strip("-")[:NAME_CHARACTERS].strip("-")
