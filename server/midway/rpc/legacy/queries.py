"""The reading paths of the old API, cancel and image-seed."""

from collections.abc import Sequence
from datetime import timedelta

import orjson
from google.api.httpbody_pb2 import HttpBody
from midjourney.legacy.v1 import legacy_pb2
from midjourney.legacy.v1 import legacy_request_pb2 as requests

from midway.domain.errors import NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.task import State, Task
from midway.engine.engine import Engine
from midway.rpc.interceptors import Context
from midway.rpc.legacy import texts
from midway.rpc.legacy.account_json import old_account
from midway.rpc.legacy.refusals import Told, answering
from midway.rpc.legacy.results import result
from midway.rpc.legacy.status import status_from
from midway.rpc.legacy.task_json import render
from midway.rpc.legacy.texts import Code
from midway.rpc.legacy.values import text_from
from midway.rpc.picture_links import PictureLinks
from midway.rpc.rendered import Rendered
from midway.store.port import TaskQuery

NEWEST = TaskQuery(limit=100)
WAITING = TaskQuery(states=frozenset({State.QUEUED}), oldest_first=True, limit=1000)
_NO_TASK = {Reason.TASK_NOT_FOUND: Told(Code.NOT_FOUND, texts.NO_TASK)}


class LegacyQueries:
    """Reads Tasks and Accounts. What is missing is a gRPC NOT_FOUND; Envoy makes 404 and code 3 of it.

    Reads answer with JSON in an HttpBody, and need no context: they may be called past gRPC.
    """

    def __init__(self, engine: Engine, links: PictureLinks, task_timeout: timedelta) -> None:
        self._engine = engine
        self._links = links
        self._task_timeout = task_timeout
        self._json = Rendered(lambda task: render(self._links.shown(task)))

    async def GetTask(self, request: requests.GetTaskRequest, context: object = None) -> HttpBody:
        """Read a Task. Raises NotFound."""
        task = await self._engine.store.get(TaskId(request.id))
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, texts.NO_TASK, task_id=request.id)
        return _json_body(self._json.of(task))

    async def ListTasksByCondition(
        self, request: requests.ListTasksByConditionRequest, context: object = None
    ) -> HttpBody:
        """Read the Tasks with these ids; a relay crashes on one that it did not ask for."""
        ids = [TaskId(text_from(value).strip()) for value in request.ids]
        return self._tasks(await self._engine.store.get_many(ids))

    async def ListTasks(self, request: requests.ListTasksRequest, context: object = None) -> HttpBody:
        """Read the newest Tasks."""
        return self._tasks(await self._engine.store.find(NEWEST))

    async def ListQueuedTasks(self, request: requests.ListQueuedTasksRequest, context: object = None) -> HttpBody:
        """Read the Tasks that wait."""
        return self._tasks(await self._engine.store.find(WAITING))

    @answering()
    async def GetImageSeed(self, request: requests.GetImageSeedRequest, context: Context) -> legacy_pb2.SubmitResult:
        """Ask for a seed; a text, as relays decode `result` as one."""
        return result(Code.SUCCESS, texts.DONE, await self._engine.image_seed(TaskId(request.id)))

    @answering(_NO_TASK)
    async def CancelTask(self, request: requests.CancelTaskRequest, context: Context) -> legacy_pb2.SubmitResult:
        """End a Task."""
        task = await self._engine.cancel(TaskId(request.id))
        return result(Code.SUCCESS, texts.DONE, task.id, {"status": status_from(task.state)})

    async def GetAccount(self, request: requests.GetAccountRequest, context: object = None) -> HttpBody:
        """Read an Account by its id or its channel. Raises NotFound."""
        for account in self._engine.accounts():
            if request.id in {account.id, account.channel_id}:
                return _json_body(orjson.dumps(old_account(account, self._task_timeout)))
        raise NotFound(Reason.ACCOUNT_NOT_FOUND, texts.NO_SUCH_ACCOUNT, account_id=request.id)

    async def ListAccounts(self, request: requests.ListAccountsRequest, context: object = None) -> HttpBody:
        """Read every Account."""
        accounts = [old_account(account, self._task_timeout) for account in self._engine.accounts()]
        return _json_body(orjson.dumps(accounts))

    def _tasks(self, tasks: Sequence[Task]) -> HttpBody:
        return _json_body(b"[" + b",".join(map(self._json.of, tasks)) + b"]")


def _json_body(json: bytes) -> HttpBody:
    return HttpBody(content_type="application/json", data=json)
