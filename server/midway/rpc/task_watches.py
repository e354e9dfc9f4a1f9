"""The streams of MidjourneyService: every change of state, in order, and heartbeats while nothing changes."""

from collections.abc import Callable
from datetime import timedelta

from midjourney.v1 import query_pb2

from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.engine.engine import Engine
from midway.rpc.convert_task import message_from_task
from midway.rpc.errors import task_not_found
from midway.rpc.interceptors import Context
from midway.rpc.picture_links import PictureLinks
from midway.rpc.render_cache import Rendered
from midway.rpc.watching import known_revision, tasks_stream
from midway.store.watch import TasksStream, TaskStream, UnknownTask

WatchResponse = query_pb2.WatchTaskResponse | query_pb2.WatchTasksResponse
Stream = TaskStream | TasksStream


class Watches:
    """Streams Tasks. Nothing is buffered for slow readers: what they have not read is read from the Store later."""

    def __init__(self, engine: Engine, links: PictureLinks, heartbeat: timedelta) -> None:
        self._engine = engine
        self._links = links
        self._heartbeat = heartbeat
        self._cache = Rendered(self._render)

    async def WatchTask(self, request: query_pb2.WatchTaskRequest, context: Context) -> None:
        """Follow a Task to its end."""
        after = await known_revision(self._engine, request.after_revision)
        task_id = TaskId(request.task_id)
        if after:
            # Headers at once: a resumed stream may be silent for long, and its client should know that it is open.
            if await self._engine.store.get(task_id) is None:
                raise task_not_found(task_id)
            await context.send_initial_metadata(())
        try:
            await self._send_all(self._engine.watch.watch(task_id, after), query_pb2.WatchTaskResponse, context)
        except UnknownTask:
            raise task_not_found(task_id) from None

    async def WatchTasks(self, request: query_pb2.WatchTasksRequest, context: Context) -> None:
        """Follow every Task that matches."""
        after = await known_revision(self._engine, request.after_revision)
        stream = await tasks_stream(self._engine, request.filter, after or None)
        await context.send_initial_metadata(())
        if after == 0:
            await context.write(query_pb2.WatchTasksResponse(revision=stream.revision, heartbeat=True))
        await self._send_all(stream, query_pb2.WatchTasksResponse, context)

    async def _send_all(self, stream: Stream, response: Callable[..., WatchResponse], context: Context) -> None:
        """Send what the stream yields until it ends, and a heartbeat after each silence of `heartbeat`."""
        with self._engine.watch.read_by_client(stream):
            while True:
                try:
                    task = await stream.next(self._heartbeat)  # None after that long without a Task
                except StopAsyncIteration:
                    return
                await context.write(self._written(response, task, stream.revision))

    def _written(self, response: Callable[..., WatchResponse], task: Task | None, revision: Revision) -> bytes:
        if task is None:
            return response(revision=revision, heartbeat=True).SerializeToString()
        return self._cache.of(task, response, revision, self._links.ends_at())

    def _render(self, task: Task, response: Callable[..., WatchResponse], revision: Revision, links_end: int) -> bytes:
        message = message_from_task(task, self._links, links_end)
        return response(task=message, revision=revision).SerializeToString()
