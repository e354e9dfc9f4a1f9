"""The reads of the old API, cancel and image-seed."""

from google.api.httpbody_pb2 import HttpBody
from midjourney.legacy.v1 import legacy_pb2
from midjourney.legacy.v1 import legacy_request_pb2 as requests

from midway.domain.errors import Reason
from midway.domain.ids import TaskId
from midway.engine.engine import Engine
from midway.rpc.interceptors import Context
from midway.rpc.legacy import texts
from midway.rpc.legacy.reads import LegacyReads, Pieces
from midway.rpc.legacy.refusals import Told, answering
from midway.rpc.legacy.results import result
from midway.rpc.legacy.status import status_from
from midway.rpc.legacy.texts import Code

_NO_TASK = {Reason.TASK_NOT_FOUND: Told(Code.NOT_FOUND, texts.NO_TASK)}


class LegacyQueries:
    """Returns the JSON of reads in an HttpBody; over REST it is sent without one, by `rest`."""

    def __init__(self, engine: Engine, reads: LegacyReads) -> None:
        self._engine = engine
        self._reads = reads

    async def GetTask(self, request: requests.GetTaskRequest, context: Context) -> HttpBody:
        """Read a Task. Raises NotFound."""
        return _body(await self._reads.GetTask(request))

    async def ListTasksByCondition(self, request: requests.ListTasksByConditionRequest, context: Context) -> HttpBody:
        """Read the Tasks with these ids."""
        return _body(await self._reads.ListTasksByCondition(request))

    async def ListTasks(self, request: requests.ListTasksRequest, context: Context) -> HttpBody:
        """Read the newest Tasks."""
        return _body(await self._reads.ListTasks(request))

    async def ListQueuedTasks(self, request: requests.ListQueuedTasksRequest, context: Context) -> HttpBody:
        """Read the Tasks that wait."""
        return _body(await self._reads.ListQueuedTasks(request))

    async def GetAccount(self, request: requests.GetAccountRequest, context: Context) -> HttpBody:
        """Read an Account. Raises NotFound."""
        return _body(await self._reads.GetAccount(request))

    async def ListAccounts(self, request: requests.ListAccountsRequest, context: Context) -> HttpBody:
        """Read every Account."""
        return _body(await self._reads.ListAccounts(request))

    @answering(_NO_TASK)
    async def GetImageSeed(self, request: requests.GetImageSeedRequest, context: Context) -> legacy_pb2.SubmitResult:
        """Ask for a seed; returned as a string, since relays decode `result` as one."""
        return result(Code.SUCCESS, texts.DONE, await self._engine.image_seed(TaskId(request.id)))

    @answering(_NO_TASK)
    async def CancelTask(self, request: requests.CancelTaskRequest, context: Context) -> legacy_pb2.SubmitResult:
        """End a Task."""
        task = await self._engine.cancel(TaskId(request.id))
        return result(Code.SUCCESS, texts.DONE, task.id, {"status": status_from(task)})


def _body(json: Pieces) -> HttpBody:
    return HttpBody(content_type="application/json", data=b"".join(json))
