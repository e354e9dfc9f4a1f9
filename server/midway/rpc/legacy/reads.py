"""The reads of the old API: each returns its JSON in pieces, which can be sent one by one.

They are named after their RPCs. They raise NotFound for an unknown id, which over REST becomes 404 with code 3.
"""

from collections.abc import Sequence
from datetime import timedelta

import orjson
from midjourney.legacy.v1 import legacy_request_pb2 as requests

from midway.domain.errors import InvalidField, NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.task import State, Task
from midway.engine.engine import Engine
from midway.rpc.legacy import texts
from midway.rpc.legacy.account_json import old_account
from midway.rpc.legacy.task_json import render
from midway.rpc.legacy.values import text_from
from midway.rpc.picture_links import PictureLinks
from midway.rpc.render_cache import Rendered
from midway.store.port import TaskQuery

NEWEST = TaskQuery(limit=100)
WAITING = TaskQuery(states=frozenset({State.QUEUED}), oldest_first=True, limit=1000)

Pieces = Sequence[bytes]


class LegacyReads:
    """Reads Tasks and Accounts. `task_timeout` is only reported; `most_ids` is the most ids in one request."""

    def __init__(self, engine: Engine, links: PictureLinks, task_timeout: timedelta, most_ids: int) -> None:
        self._engine = engine
        self._links = links
        self._task_timeout = task_timeout
        self._most_ids = most_ids
        self._json = Rendered(lambda task: render(self._links.shown(task)))

    async def GetTask(self, request: requests.GetTaskRequest) -> Pieces:
        """Read a Task. Raises NotFound."""
        task = await self._engine.store.get(TaskId(request.id))
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, texts.NO_TASK, task_id=request.id)
        return [self._json.of(task)]

    async def ListTasksByCondition(self, request: requests.ListTasksByConditionRequest) -> Pieces:
        """Read the Tasks with these ids, and no others: a relay would crash on them. Raises InvalidField."""
        if len(request.ids) > self._most_ids:
            raise InvalidField("ids", f"holds {len(request.ids)} ids; at most {self._most_ids} are allowed")
        ids = [TaskId(text_from(value).strip()) for value in request.ids]
        return self._array(await self._engine.store.get_many(ids))

    async def ListTasks(self, request: requests.ListTasksRequest) -> Pieces:
        """Read the newest Tasks."""
        return self._array(await self._engine.store.find(NEWEST))

    async def ListQueuedTasks(self, request: requests.ListQueuedTasksRequest) -> Pieces:
        """Read the Tasks that wait."""
        return self._array(await self._engine.store.find(WAITING))

    async def GetAccount(self, request: requests.GetAccountRequest) -> Pieces:
        """Read an Account by its id or its channel. Raises NotFound."""
        for account in self._engine.accounts():
            if request.id in {account.id, account.channel_id}:
                return [orjson.dumps(old_account(account, self._task_timeout))]
        raise NotFound(Reason.ACCOUNT_NOT_FOUND, texts.NO_SUCH_ACCOUNT, account_id=request.id)

    async def ListAccounts(self, request: requests.ListAccountsRequest) -> Pieces:
        """Read every Account."""
        accounts = [old_account(account, self._task_timeout) for account in self._engine.accounts()]
        return [orjson.dumps(accounts)]

    def _array(self, tasks: Sequence[Task]) -> Pieces:
        """Return the Tasks as pieces of a JSON array; each Task's JSON comes from the cache and is not copied."""
        pieces = [b"["]
        for task in tasks:
            pieces += (self._json.of(task), b",")
        return [*pieces[:-1], b"]"] if tasks else [b"[]"]
