"""What a fetch tells of the host that it asked: that it answered, that it did not, or nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.outbound.client import FetchFailed, Outbound, UrlRefused
from midway.outbound.lanes import Lanes

PATIENCE = timedelta(seconds=30)
A_MOMENT = timedelta(milliseconds=50)


class NotingLanes(Lanes):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[bool] = []

    def note(self, host: str, *, answered: bool) -> None:
        """Keep it."""
        self.noted.append(answered)
        super().note(host, answered=answered)


@dataclass
class Fetching:
    """A site, and what fetches from it."""

    port: int
    outbound: Outbound
    lanes: NotingLanes
    stalled: asyncio.Event

    async def fetch(self, path: str, within: timedelta = PATIENCE) -> None:
        await self.outbound.fetch(f"http://127.0.0.1:{self.port}{path}", max_bytes=10, within=within)


@pytest.fixture
async def fetching() -> AsyncIterator[Fetching]:
    lanes, stalled, end = NotingLanes(), asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text="x" * 100 if request.path == "/large" else "picture")

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"pic")
        stalled.set()
        await end.wait()
        return response

    async def move(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/file" if request.path == "/moved" else "ftp://a.test/"})

    app = web.Application()
    app.router.add_get("/file", answer)
    app.router.add_get("/large", answer)
    app.router.add_get("/stall", stall)
    app.router.add_get("/moved", move)
    app.router.add_get("/astray", move)
    async with TestServer(app) as site, Outbound({"127.0.0.1"}, lanes=lanes) as outbound:
        yield Fetching(site.port or 0, outbound, lanes, stalled)
        end.set()


async def test_a_file_and_a_redirect_are_answers(fetching: Fetching):
    await fetching.fetch("/moved")

    assert fetching.lanes.noted == [True, True]


@pytest.mark.parametrize("path", ["/large", "/nothing"])
async def test_a_file_that_is_too_large_and_one_that_is_not_there_are_answers(fetching: Fetching, path: str):
    with pytest.raises(FetchFailed):
        await fetching.fetch(path)

    assert fetching.lanes.noted == [True]


async def test_an_answer_that_stops_is_none(fetching: Fetching):
    with pytest.raises(TimeoutError):
        await fetching.fetch("/stall", within=A_MOMENT)

    assert fetching.lanes.noted == [False]


async def test_a_refused_connection_is_no_answer(fetching: Fetching):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(FetchFailed):
            await fetching.outbound.fetch(url, max_bytes=10, within=PATIENCE)

    assert fetching.lanes.noted == [False]


async def test_who_hangs_up_says_nothing_of_the_host(fetching: Fetching):
    """Otherwise one client could make a good host count as a dead one."""
    asking = asyncio.create_task(fetching.fetch("/stall"))
    await fetching.stalled.wait()
    asking.cancel()
    await asyncio.wait([asking])

    assert fetching.lanes.noted == []


async def test_a_link_that_is_refused_says_nothing_of_the_host(fetching: Fetching):
    with pytest.raises(UrlRefused):
        await fetching.fetch("/astray")
    with pytest.raises(UrlRefused):
        await fetching.outbound.fetch("http://10.0.0.1/", max_bytes=10, within=PATIENCE)

    assert fetching.lanes.noted == []
