"""A webhook receiver that spoils some of the POSTs that it gets."""

import asyncio
from collections.abc import Container
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.faults.seeded.evidence import Notice

ENDS = frozenset({"SUCCESS", "FAILURE"})


class Receiver:
    """Keeps every notice; use as an async context manager."""

    def __init__(self, spoilt: Container[int]) -> None:
        self.notices: list[Notice] = []
        self._spoilt = spoilt
        self._arrived = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/hook"

    async def told_the_end_of(self, task_ids: set[str]) -> None:
        """Return when the end of each of these Tasks was taken."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: task_ids <= self._told())

    def _told(self) -> set[str]:
        return {notice.task_id for notice in self.notices if notice.taken and notice.status in ENDS}

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        task, number = await request.json(), len(self.notices)
        is_taken = number not in self._spoilt
        async with self._arrived:
            self.notices.append(Notice(request.headers["webhook-id"], task["id"], task["status"], task, is_taken))
            self._arrived.notify_all()
        return web.Response() if is_taken else self._spoil(request, number)

    @staticmethod
    def _spoil(request: web.Request, number: int) -> web.Response:
        """Refuse, or break the connection off without a word."""
        if number % 2 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=(500, 503, 429)[number % 3])
