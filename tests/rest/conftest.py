"""A server's HTTP door without Envoy before it, and pictures of any size behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from midway.domain.task import Task
from midway.media.open_picture import OpenPicture, open_picture

from tests.rpc.served import Served, serving
from tests.support.observed import Observed
from tests.support.rig import Rig, engine_running, simulator_running


@dataclass
class Shelf:
    """Files that stand for the pictures of all Tasks; `path` is the one that is opened next."""

    path: Path
    is_open: list[OpenPicture] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, task: Task) -> AsyncIterator[OpenPicture]:
        """Open the file as the keeper of pictures does."""
        picture = open_picture(self.path)
        self.is_open.append(picture)
        try:
            yield picture
        finally:
            self.is_open.remove(picture)
            picture.file.close()


@dataclass
class Door:
    """A running server, a client of its HTTP, and a finished grid."""

    served: Served
    http: aiohttp.ClientSession
    shelf: Shelf
    grid: Task
    observed: Observed

    @property
    def rig(self) -> Rig:
        return self.served.rig

    @property
    def image(self) -> str:
        """The path of the grid's picture."""
        return f"/v1/tasks/{self.grid.id}/image"


@asynccontextmanager
async def door_of(rig: Rig, path: Path, **options: Any) -> AsyncIterator[Door]:
    """Open a server's doors before an engine that has drawn one grid."""
    observed = Observed()
    shelf = Shelf(path / "picture.png")
    grid = await rig.succeeded(await rig.imagine("一只 red fox / jumps! --ar 3:2"))
    async with (
        serving(
            rig,
            open_picture=shelf.open,
            observe=observed,
            **options,
        ) as served,
        aiohttp.ClientSession(f"http://127.0.0.1:{served.doors.rest_port}", timeout=aiohttp.ClientTimeout(60)) as http,
    ):
        yield Door(served, http, shelf, grid, observed)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One engine for a module's tests."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path_factory.mktemp("engine"), max_queued=1000) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def door(rig: Rig, tmp_path: Path) -> AsyncIterator[Door]:
    """A door of its own for each test."""
    async with door_of(rig, tmp_path) as opened:
        yield opened
