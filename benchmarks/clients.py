"""Clients that draw continuously, a given number per account, and record how long they wait."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from midjourney.v1 import account_pb2, account_service_pb2, input_pb2, query_pb2, submit_pb2, task_pb2
from midjourney.v1.account_service_pb2_grpc import AccountServiceStub

from benchmarks.stack import Server, account_id

FIRST_JOBS = 40.0  # seconds at real pace over which the first jobs begin: as long as one takes


@dataclass
class Told:
    """What the clients received. A step is a prompt and its percent; times are wall-clock times."""

    submits: list[float] = field(default_factory=list)  # seconds until each was answered
    accepted: dict[str, float] = field(default_factory=dict)  # when the server stored a prompt
    steps: dict[tuple[str, int], float] = field(default_factory=dict)  # when a watcher got it
    succeeded: int = 0
    failures: list[str] = field(default_factory=list)

    async def ended(self, count: int) -> None:
        """Return when `count` Tasks have ended."""
        while self.succeeded + len(self.failures) < count:  # noqa: ASYNC110 - waits in the smallest rounds only
            await asyncio.sleep(0.1)


class Clients:
    """Draws with a server; `told` may be set anew at any time."""

    def __init__(self, server: Server) -> None:
        self.told = Told()
        self._server = server

    @asynccontextmanager
    async def drawing(self, accounts: int, slots: int, *, speed: float) -> AsyncIterator[None]:
        """Draw one imagine after the other in each slot while the context is open."""
        delays = Random(1)
        async with asyncio.TaskGroup() as group:
            drawing = [
                group.create_task(self._draw_on(account, slot, delays.uniform(0, FIRST_JOBS / speed)))
                for account in range(1, accounts + 1)
                for slot in range(slots)
            ]
            try:
                yield
            finally:
                for each in drawing:
                    each.cancel()

    async def draw(self, account: int, prompt: str) -> None:
        """Submit an imagine to an account, and watch it to its end."""
        options = input_pb2.SubmitOptions(account_id=account_id(account))
        begun = time.perf_counter()
        request = submit_pb2.SubmitImagineRequest(prompt=prompt, options=options)
        task = (await self._server.tasks.SubmitImagine(request)).task
        told = self.told
        told.submits.append(time.perf_counter() - begun)
        told.accepted[prompt] = task.create_time.ToNanoseconds() / 1e9
        async for update in self._server.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id)):
            if update.HasField("task"):
                task = update.task
                self.told.steps.setdefault((prompt, task.progress_percent), time.time())
        if task.state == task_pb2.Task.STATE_SUCCEEDED:
            self.told.succeeded += 1
        else:
            self.told.failures.append(f"{prompt}: {task.failure}")

    async def _draw_on(self, account: int, slot: int, delay: float) -> None:
        await asyncio.sleep(delay)
        number = 0
        while True:
            number += 1
            await self.draw(account, f"fox {number} of {account} in {slot}")


async def connected(server: Server) -> None:
    """Return when every account of a server is."""
    accounts = AccountServiceStub(server.channel)
    active = account_pb2.Account.STATE_ACTIVE
    while True:
        listed = (await accounts.ListAccounts(account_service_pb2.ListAccountsRequest())).accounts
        if all(account.state == active for account in listed):
            return
        await asyncio.sleep(0.1)
