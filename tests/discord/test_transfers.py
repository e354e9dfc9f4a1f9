"""The requests of a session: they cost nothing while there are none, and a silent server still ends them in time."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from curl_cffi.requests import AsyncSession
from curl_cffi.requests.exceptions import Timeout
from midway.discord.library import LibraryTransfers


class CountedTransfers(LibraryTransfers):
    """Tells when curl is asked whether it missed a time-out."""

    def __init__(self) -> None:
        self.looked = asyncio.Event()
        super().__init__()

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
        for _ in range(2):
            assert (await session.get(str(server.make_url("/any")))).text == "here"
            assert transfers.looked.is_set()
        with pytest.raises(Timeout):
            await session.get(str(server.make_url("/silent")), timeout=0.2)
        assert not transfers._curl2future
        assert not transfers._timeout_checker.done()
        silence.set()
        await transfers.close()  # type: ignore[no-untyped-call]
