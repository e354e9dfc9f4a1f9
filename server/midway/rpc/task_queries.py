"""The reading half of MidjourneyService, and CancelTask."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, Protocol

from google.api import httpbody_pb2
from midjourney.v1 import query_pb2, task_pb2

from midway.domain.errors import NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.engine.engine import Engine
from midway.rpc.convert_filter import query_from_filter
from midway.rpc.convert_task import message_from_task
from midway.rpc.errors import task_not_found
from midway.rpc.interceptors import Context
from midway.rpc.paging import Page, page_from, page_size, token_from
from midway.rpc.picture_links import PictureLinks
from midway.rpc.rendered import Rendered


class Picture(Protocol):
    """A picture that is open: its bytes stay readable whatever becomes of its name."""

    @property
    def file(self) -> BinaryIO:
        """The open file, at its beginning; reading blocks on the disk."""

    @property
    def size(self) -> int:
        """Its length in bytes."""

    @property
    def content_type(self) -> str:
        """What it is, told by its first bytes."""


# Opens a Task's picture, wherever it is kept. Raises NotFound, Unavailable.
OpenPicture = Callable[[Task], AbstractAsyncContextManager[Picture]]

# A header over REST: a final picture never changes, and is no business of shared caches.
FOR_EVER = (("cache-control", "private, max-age=31536000, immutable"),)  # a year


class Queries:
    """Reads Tasks."""

    def __init__(self, engine: Engine, open_picture: OpenPicture, links: PictureLinks) -> None:
        self._engine = engine
        self._open_picture = open_picture
        self._links = links
        self._got = Rendered(lambda task: query_pb2.GetTaskResponse(task=self._message(task)).SerializeToString())

    async def GetTask(self, request: query_pb2.GetTaskRequest, context: Context) -> bytes:
        """Read a Task; the answer comes serialized, as many ask for the same one."""
        return self._got.of(await self._task(request.task_id))

    async def ListTasks(self, request: query_pb2.ListTasksRequest, context: Context) -> query_pb2.ListTasksResponse:
        """Read a page of Tasks."""
        size = page_size(request.page_size)
        page = page_from(request.page_token, request.filter)
        # Read before the list, so that a watch from it can at worst tell a change twice, never miss one.
        revision = page.revision or await self._engine.store.revision()
        # One more than asked for tells whether there is another page.
        query = query_from_filter(request.filter, before=page.after, limit=size + 1)
        found = await self._engine.store.find(query)
        response = query_pb2.ListTasksResponse(tasks=map(self._message, found[:size]), revision=revision)
        if len(found) > size:
            response.next_page_token = token_from(Page(found[size - 1].id, revision), request.filter)
        return response

    async def CancelTask(self, request: query_pb2.CancelTaskRequest, context: Context) -> query_pb2.CancelTaskResponse:
        """End a Task."""
        task = await self._engine.cancel(TaskId(request.task_id))
        return query_pb2.CancelTaskResponse(task=self._message(task))

    async def GetImageSeed(
        self, request: query_pb2.GetImageSeedRequest, context: Context
    ) -> query_pb2.GetImageSeedResponse:
        """Ask for the seed."""
        seed = await self._engine.image_seed(TaskId(request.task_id))
        return query_pb2.GetImageSeedResponse(seed=int(seed))

    async def GetTaskImage(self, request: query_pb2.GetTaskImageRequest, context: Context) -> httpbody_pb2.HttpBody:
        """Read the picture. Every result has one file, so index 0 is the only one."""
        task = await self._task(request.task_id)
        if task.image is None or request.index != 0:
            message = f"Task {task.id} has no picture {request.index}"
            raise NotFound(Reason.IMAGE_NOT_AVAILABLE, message, task_id=task.id)
        async with self._open_picture(task) as picture:
            if task.has_final_picture:
                await context.send_initial_metadata(FOR_EVER)
            data = await asyncio.to_thread(picture.file.read)
            return httpbody_pb2.HttpBody(content_type=picture.content_type, data=data)

    def _message(self, task: Task) -> task_pb2.Task:
        return message_from_task(self._links.shown(task))

    async def _task(self, task_id: str) -> Task:
        task = await self._engine.store.get(TaskId(task_id))
        if task is None:
            raise task_not_found(task_id)
        return task
