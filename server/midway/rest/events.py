"""Watches as server-sent events; each carries its revision as `id`, so that an EventSource resumes by itself."""

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
# A proxy that gathers an answer before it hands it on (nginx) would hold events back.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

WatchResponse = query_pb2.WatchTaskResponse | query_pb2.WatchTasksResponse
Kind = Callable[..., WatchResponse]


class Events:
    """Streams Tasks. What a slow reader does not take waits in the Store, not here."""

    def __init__(self, engine: Engine, links: PictureLinks, heartbeat: timedelta) -> None:
        self._engine = engine
        self._links = links
        self._heartbeat = heartbeat
        self._told = Rendered(self._tell)

    async def watch_task(self, call: HttpCall, request: query_pb2.WatchTaskRequest) -> web.StreamResponse:
        """Follow a Task to its end. 204 when the client has seen it: an EventSource then stops."""
        after = await self._after(call, request.after_revision) or Revision(0)
        task = await self._engine.store.get(TaskId(request.task_id))
        if task is None:
            raise task_not_found(request.task_id)
        if task.state.is_terminal and after >= task.revision:
            return web.Response(status=204)
        stream = self._engine.watch.watch(task.id, after)
        return await self._send_all(call, stream, query_pb2.WatchTaskResponse)

    async def watch_tasks(self, call: HttpCall, request: query_pb2.WatchTasksRequest) -> web.StreamResponse:
        """Follow every Task that matches; from now on, the first event tells the present revision."""
        after = await self._after(call, request.after_revision)
        stream = await tasks_stream(self._engine, request.filter, after)
        first = self._form(query_pb2.WatchTasksResponse, None, stream.revision) if after is None else b""
        return await self._send_all(call, stream, query_pb2.WatchTasksResponse, first)

    async def _after(self, call: HttpCall, after_revision: int) -> Revision | None:
        """Return where to begin: behind the last event that the browser has, else where the address says, if it does.

        A browser repeats what it was given, a 0 too, when it began before the first Task. Where the server knows
        nothing of it (a database was put back), the watch begins anew: nobody could make the browser forget.
        """
        given = call.http.headers.get(LAST_EVENT_ID, "").strip()
        if not given:
            return await known_revision(self._engine, after_revision) or None
        if not (given.isascii() and given.isdecimal() and len(given) <= LONGEST_ID):
            raise InvalidField(LAST_EVENT_ID, "is not the id of an event of ours")
        last = int(given)
        return Revision(last) if last <= await self._engine.store.revision() else None

    async def _send_all(
        self, call: HttpCall, stream: TaskStream | TasksStream, kind: Kind, first: bytes = b""
    ) -> web.StreamResponse:
        """Send what the stream gives until it ends, and a heartbeat for each pause."""
        answer = web.StreamResponse(headers=HEADERS)
        answer.content_type = EVENT_STREAM
        await call.begin(answer)
        if first:
            await answer.write(first)
        with self._engine.watch.read_by_client(stream):
            while True:
                try:
                    task = await stream.next(self._heartbeat)  # None: a heartbeat's time has passed without one
                except StopAsyncIteration:
                    return answer
                await answer.write(self._form(kind, task, stream.revision))

    def _form(self, kind: Kind, task: Task | None, revision: Revision) -> bytes:
        if task is None:
            return _event(kind(revision=revision, heartbeat=True))
        return self._told.of(task, kind, revision, self._links.ends_at())

    def _tell(self, task: Task, kind: Kind, revision: Revision, links_end: int) -> bytes:
        return _event(kind(task=message_from_task(task, self._links, links_end), revision=revision))


def _event(message: WatchResponse) -> bytes:
    data = orjson.dumps(json_format.MessageToDict(message))
    return b"id: %d\ndata: %b\n\n" % (message.revision, data)
