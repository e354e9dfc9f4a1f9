"""The reads of MidjourneyService, and CancelTask."""

from midjourney.v1 import query_pb2, task_pb2

from midway.domain.ids import TaskId
from midway.domain.task import Task
from midway.engine.engine import Engine
from midway.rpc.convert_task import message_from_task
from midway.rpc.errors import task_not_found
from midway.rpc.interceptors import Context
from midway.rpc.listing import Listing
from midway.rpc.picture_links import PictureLinks
from midway.rpc.render_cache import Rendered


class Queries:
    """Reads Tasks."""

    def __init__(self, engine: Engine, links: PictureLinks, listing: Listing) -> None:
        self._engine = engine
        self._links = links
        self._listing = listing
        self._got = Rendered(self._get)

    async def GetTask(self, request: query_pb2.GetTaskRequest, context: Context) -> bytes:
        """Read a Task; returns the response serialized, since many clients ask for the same one."""
        task = await self._engine.store.get(TaskId(request.task_id))
        if task is None:
            raise task_not_found(request.task_id)
        return self._got.of(task, self._links.ends_at())

    async def ListTasks(self, request: query_pb2.ListTasksRequest, context: Context) -> query_pb2.ListTasksResponse:
        """Read a page of Tasks."""
        page = await self._listing.page(request)
        response = query_pb2.ListTasksResponse(revision=page.revision)
        async for task in page:
            response.tasks.append(task)  # one by one: copying a whole page at the end would block the event loop
        response.next_page_token = page.next_page_token
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

    def _message(self, task: Task) -> task_pb2.Task:
        return message_from_task(task, self._links, self._links.ends_at())

    def _get(self, task: Task, links_end: int) -> bytes:
        message = message_from_task(task, self._links, links_end)
        return query_pb2.GetTaskResponse(task=message).SerializeToString()
