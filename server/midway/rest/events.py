"""Watches as server-sent events; each has its revision as `id`, so that an EventSource resumes by itself."""

from collections.abc import Callable
from datetime import timedelta

import orjson
from aiohttp import web
from google.protobuf import json_format
from midjourney.v1 import query_pb2

from midway.domain.errors import InvalidField
from midway.domain.ids import Revision, TaskId
from midway.domain.task import Task
from midway.engine.engine import Engine
from midway.rest.call import EVENT_STREAM, HttpCall
from midway.rpc.convert_task import message_from_task
from midway.rpc.errors import task_not_found
from midway.rpc.picture_links import PictureLinks
from midway.rpc.render_cache import Rendered
from midway.rpc.watching import known_revision, tasks_stream
from midway.store.watch import TasksStream, TaskStream

LAST_EVENT_ID = "Last-Event-ID"
LONGEST_ID = 19  # digits
# The second header stops nginx from buffering events.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

WatchResponse = query_pb2.WatchTaskResponse | query_pb2.WatchTasksResponse
Kind = Callable[..., WatchResponse]


class Events:
    """Streams Tasks. Nothing is buffered for slow readers: what they have not read is read from the Store later."""

    def __init__(self, engine: Engine, links: PictureLinks, heartbeat: timedelta) -> None:
        self._engine = engine
        self._links = links
        self._heartbeat = heartbeat
        self._cache = Rendered(self._render)

    async def watch_task(self, call: HttpCall, request: query_pb2.WatchTaskRequest) -> web.StreamResponse:
        """Stream a Task to its end. Returns 204 if the client has seen the end: an EventSource then stops."""
        after = await self._after(call, request.after_revision) or Revision(0)
        task = await self._engine.store.get(TaskId(request.task_id))
        if task is None:
            raise task_not_found(request.task_id)
        if task.state.is_terminal and after >= task.revision:
            return web.Response(status=204)
        stream = self._engine.watch.watch(task.id, after)
        return await self._send_all(call, stream, query_pb2.WatchTaskResponse)

    async def watch_tasks(self, call: HttpCall, request: query_pb2.WatchTasksRequest) -> web.StreamResponse:
        """Stream every Task that matches. If it starts from now on, the first event has the current revision."""
        after = await self._after(call, request.after_revision)
        stream = await tasks_stream(self._engine, request.filter, after)
        first = self._form(query_pb2.WatchTasksResponse, None, stream.revision) if after is None else b""
        return await self._send_all(call, stream, query_pb2.WatchTasksResponse, first)

    async def _after(self, call: HttpCall, after_revision: int) -> Revision | None:
        """Return the revision to begin after: that of Last-Event-ID, else of the URL; None to begin from now on.

        A browser repeats the id that it was given, even 0 from before the first Task. If the server has not reached it
        (the database was restored from a backup), the watch starts afresh: the browser cannot be told to forget it.
        """
        given = call.http.headers.get(LAST_EVENT_ID, "").strip()
        if not given:
            return await known_revision(self._engine, after_revision) or None
        if not (given.isascii() and given.isdecimal() and len(given) <= LONGEST_ID):
            raise InvalidField(LAST_EVENT_ID, "is not an event id of this server")
        last = int(given)
        return Revision(last) if last <= await self._engine.store.revision() else None

    async def _send_all(
        self, call: HttpCall, stream: TaskStream | TasksStream, kind: Kind, first: bytes = b""
    ) -> web.StreamResponse:
        """Send what the stream yields until it ends, and a heartbeat after each silence of `heartbeat`."""
        answer = web.StreamResponse(headers=HEADERS)
        answer.content_type = EVENT_STREAM
        await call.begin(answer)
        if first:
            await answer.write(first)
        with self._engine.watch.read_by_client(stream):
            while True:
                try:
                    task = await stream.next(self._heartbeat)  # None after that long without a Task
                except StopAsyncIteration:
                    return answer
                await answer.write(self._form(kind, task, stream.revision))

    def _form(self, kind: Kind, task: Task | None, revision: Revision) -> bytes:
        if task is None:
            return _event(kind(revision=revision, heartbeat=True))
        return self._cache.of(task, kind, revision, self._links.ends_at())

    def _render(self, task: Task, kind: Kind, revision: Revision, links_end: int) -> bytes:
        return _event(kind(task=message_from_task(task, self._links, links_end), revision=revision))


def _event(message: WatchResponse) -> bytes:
    data = orjson.dumps(json_format.MessageToDict(message))
    return b"id: %d\ndata: %b\n\n" % (message.revision, data)
