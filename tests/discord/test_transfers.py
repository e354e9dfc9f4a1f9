"""The requests of a session: they cost nothing while there are none, and a silent server still ends them in time."""

import asyncio
from typing import Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from curl_cffi.requests import AsyncSession
from curl_cffi.requests.exceptions import Timeout
from midway.discord.library import LibraryTransfers


class Begun(asyncio.Event):
    """Tells when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.awaited.set()
        return await super().wait()


class CountedTransfers(LibraryTransfers):
    """Tells when curl is asked whether it missed a time-out, and when nobody asks."""

    def __init__(self) -> None:
        self.looked = asyncio.Event()
        super().__init__()
        self._begun = self.begun = Begun()  # before the one who asks has begun

    def socket_action(self, sockfd: int, ev_bitmask: int) -> int:
        self.looked.set()
        return int(super().socket_action(sockfd, ev_bitmask))


async def test_curl_is_looked_after_only_while_there_are_requests() -> None:
    silence = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/silent":
            await silence.wait()
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/{any}", answer)
    transfers = CountedTransfers()
    async with TestServer(app) as server, AsyncSession(async_curl=transfers) as session:
        await asyncio.sleep(0)
        assert not transfers.looked.is_set()
        transfers.begun.awaited.clear()
        for _ in range(2):
            assert (await session.get(str(server.make_url("/any")))).text == "here"
            assert transfers.looked.is_set()
        with pytest.raises(Timeout):
            await session.get(str(server.make_url("/silent")), timeout=0.2)
        assert not transfers._curl2future
        await asyncio.wait_for(transfers.begun.awaited.wait(), 60)  # nobody asks until the next request
        assert not transfers.begun.is_set()
        silence.set()
        await transfers.close()  # type: ignore[no-untyped-call]  # curl_cffi's method has no types
