"""A Task's picture as a file: which one is meant, what it is called, and how gRPC hands it out."""

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

CHUNK_BYTES = 120 * 1024  # read and sent at a time; larger blocks malloc would map anew each time (app/memory.py)
EXTENSIONS = {"jpeg": "jpg", "octet-stream": "bin"}  # of media types whose usual ending is not their own word
NAME_CHARACTERS = 60  # of the prompt, in a file's name

# Headers over REST: a final picture never changes; neither kind is any business of shared caches.
FOR_EVER = "private, max-age=31536000, immutable"  # a year
PREVIEW = "private, no-cache"


class OpenPicture(Protocol):
    """An open picture: it can be read, whatever happens to its name meanwhile."""

    @property
    def file(self) -> BinaryIO:
        """Open for reading. Several may read it at a time, so everybody says where."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def content_type(self) -> str:
        """By the first bytes."""


# Opens a Task's picture, wherever it is kept. Raises NotFound and Unavailable.
OpenTaskPicture = Callable[[Task], AbstractAsyncContextManager[OpenPicture]]
# Opens it as a WebP of so many pixels' width, made now unless it is kept. Raises Conflict and Unsupported, too.
OpenThumbnail = Callable[[Task, int], AbstractAsyncContextManager[OpenPicture]]


class TaskImage(Struct, frozen=True):
    """A Task's picture or a thumbnail of it, open, with what clients are told of it."""

    task: Task
    file: BinaryIO
    size: int  # bytes
    content_type: str
    width: int = 0  # that a thumbnail was asked in; 0: the picture itself

    @property
    def etag(self) -> str:
        """The same for the same bytes, whenever they were fetched: Discord never changes what lies at an address."""
        address = self.task.image.unsigned_url if self.task.image else ""
        which = f"{address} {self.width}" if self.width else address
        return f"{hashlib.sha256(which.encode()).hexdigest()[:16]}-{self.size:x}"

    @property
    def name(self) -> str:
        """A name that tells what it is."""
        return file_name(self.task, self.content_type)

    @property
    def cache_control(self) -> str:
        """How long a browser may keep it."""
        return FOR_EVER if self.task.has_final_picture else PREVIEW


class TaskImages:
    """Finds the picture that is asked for."""

    def __init__(
        self, engine: Engine, open_picture: OpenTaskPicture, open_thumbnail: OpenThumbnail | None = None
    ) -> None:
        """Without `open_thumbnail` there are none."""
        self._engine = engine
        self._open_picture = open_picture
        self._open_thumbnail = open_thumbnail

    @asynccontextmanager
    async def open(self, task_id: str, index: int, width: int = 0) -> AsyncIterator[TaskImage]:
        """Open a picture for reading, or a thumbnail of it, so many pixels wide at most; 0 is the picture itself.

        Every result has one file, so index 0 is the only one.
        Raises InvalidField for another width than those of thumbnails, NotFound when there is no picture (yet),
        Unavailable when Discord does not give it now, Conflict and Unsupported when no thumbnail can be made of it.
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
    """The RPCs of pictures."""

    def __init__(self, images: TaskImages, max_unary_bytes: int) -> None:
        self._images = images
        self._max_unary_bytes = max_unary_bytes

    async def GetTaskImage(self, request: query_pb2.GetTaskImageRequest, context: Context) -> httpbody_pb2.HttpBody:
        """Read a small picture."""
        async with self._images.open(request.task_id, request.index, request.width) as image:
            if image.size > self._max_unary_bytes:
                message = f"the picture has {image.size} bytes, too many for one message; call DownloadTaskImage"
                raise Conflict(Reason.IMAGE_TOO_LARGE, message, task_id=image.task.id)
            data = await asyncio.to_thread(os.pread, image.file.fileno(), image.size, 0)
            await context.send_initial_metadata((("cache-control", image.cache_control), ("etag", f'"{image.etag}"')))
            return httpbody_pb2.HttpBody(content_type=image.content_type, data=data)

    async def DownloadTaskImage(self, request: query_pb2.DownloadTaskImageRequest, context: Context) -> None:
        """Send a picture in pieces; each waits until the client has room for it."""
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
    """Name a Task's file so that a person knows it again: day, prompt, which one of a grid, Task.

    Letters of every script are kept; the rest becomes dashes, so that the name is safe on every file system.
    """
    day = (task.finished_at or task.created_at).strftime("%Y-%m-%d")
    which = f"u{task.ask.index}" if task.ask.index and task.ask.action is Action.UPSCALE else ""
    parts = (day, _slug(task.ask.prompt or task.final_prompt), which, task.id)
    kind = content_type.rpartition("/")[2]
    return "-".join(part for part in parts if part) + "." + EXTENSIONS.get(kind, kind)


def _slug(text: str) -> str:
    words = re.sub(r"\s--.*", "", unicodedata.normalize("NFC", text), flags=re.DOTALL)
    # Letters, numbers, and the marks that some scripts put on letters.
    words = re.sub("[\ufe00-\ufe0f]", "", words)  # which only say how an emoji is drawn
    kept = "".join(sign if unicodedata.category(sign)[0] in "LNM" else "-" for sign in words.lower())
    return re.sub("-+", "-", kept).strip("-")[:NAME_CHARACTERS].strip("-")
