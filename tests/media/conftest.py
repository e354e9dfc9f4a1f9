"""A real CDN, Tasks with pictures on it, and an archive to keep them in."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.discord.endpoints import Endpoints
from midway.discord.errors import DiscordError, Rejected
from midway.discord.partial_file import PartialFile
from midway.discord.settings import ClientSettings
from midway.discord.transfer import Transfer
from midway.domain.errors import NotFound, Reason, Unavailable
from midway.domain.ids import TaskId
from midway.domain.image import Image
from midway.domain.lifecycle import Accepted, Cancelled, Dispatched, Event, Progressed, Result, Succeeded, apply
from midway.domain.task import Task
from midway.media.archive import Archive
from midway.media.downloads import Fetch
from midway.media.keeper import ArchiveKeeper, KeeperRules
from midway.store.memory import MemoryStore
from midway.store.port import Store
from midway.store.watch import Watch
from msgspec.structs import replace

from tests.store.tasks import a_task, submitted
from tests.support.writes import write

MOMENT = timedelta(milliseconds=1)
QUICK = KeeperRules(first_delay=MOMENT, longest_delay=2 * MOMENT, bookmark_every=MOMENT)


def drawn(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 8), "red").save(file, kind)
    return file.getvalue()


class Cdn:
    """Serves one picture to links that hold its key; counts who asked."""

    def __init__(self) -> None:
        self.picture = drawn()
        self.key = "fresh"
        self.asked: list[str] = []
        self.is_asked = asyncio.Event()
        self.failures = 0  # answers so many requests with 500 first
        self.gate = asyncio.Event()
        self.gate.set()
        app = web.Application()
        app.router.add_get("/{name}", self._give)
        self.server = TestServer(app)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def image(self, name: str = "grid.png", key: str = "fresh", **fields: Any) -> Image:
        return Image(f"http://{self.host}/{name}?key={key}", **fields)

    async def _give(self, request: web.Request) -> web.Response:
        self.asked.append(request.match_info["name"])
        self.is_asked.set()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        if request.query["key"] != self.key:
            return web.Response(status=404)
        return web.Response(body=self.picture)


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    cdn = Cdn()
    async with cdn.server:
        yield cdn
        cdn.gate.set()


@asynccontextmanager
async def fetching(url: str, settings: ClientSettings | None = None) -> AsyncIterator[Fetch]:
    """Bring Tasks' pictures from a CDN as the engine does, save that an expired link is gone for good."""
    async with Transfer(Endpoints.simulator(url), "test", settings or ClientSettings()) as transfer:

        async def fetch(task: Task, file: PartialFile) -> None:
            if task.image is None:
                raise NotFound(Reason.IMAGE_NOT_AVAILABLE, "no picture yet")
            try:
                await transfer.download(task.image.url, file)
            except Rejected as err:
                raise NotFound(Reason.IMAGE_NOT_AVAILABLE, "gone") from err
            except DiscordError as err:
                raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, str(err)) from err

        yield fetch


@pytest.fixture
async def fetch(cdn: Cdn) -> AsyncIterator[Fetch]:
    async with fetching(f"http://{cdn.host}") as fetch:
        yield fetch


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def watch(store: MemoryStore) -> AsyncIterator[Watch]:
    async with Watch(store) as watch:
        yield watch


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def archive(directory: Path) -> Archive:
    return Archive(directory)


async def live(store: Store, *events: Event) -> Task:
    """Store a new Task and let it live through these events, now."""
    task = await submitted(store, replace(a_task(), created_at=datetime.now(UTC)))
    for event in (Dispatched(), Accepted(), *events):
        task = await write(store, apply(task, event, datetime.now(UTC)))
    return task


def succeeded(image: Image | None) -> Succeeded:
    return Succeeded(Result(image=image))


async def late(store: Store, image: Image) -> Task:
    """Store a Task whose picture came after it was cancelled."""
    return await live(store, Progressed(20), Cancelled("not wanted"), succeeded(image))


@asynccontextmanager
async def keeping(keeper: ArchiveKeeper) -> AsyncIterator[None]:
    """Run the keeper while the context is open."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(keeper.run(), name="media")
        yield
        running.cancel()


def put(archive: Archive, task_id: TaskId, data: bytes, claimed_type: str = "") -> None:
    """Keep these bytes as a Task's picture."""
    part = archive.new_part()
    part.write_bytes(data)
    archive.keep(task_id, part, claimed_type)


def content(archive: Archive, task_id: TaskId) -> tuple[bytes, str] | None:
    """Read what is kept of a Task: the bytes and their type."""
    picture = archive.open(task_id)
    if picture is None:
        return None
    with picture.file as file:
        return file.read(), picture.content_type


async def given(keeper: ArchiveKeeper, task: Task) -> tuple[bytes, str]:
    """Ask for a Task's picture and read it: the bytes and their type."""
    async with keeper.open(task) as picture:
        data = picture.file.read()
        assert len(data) == picture.size
        return data, picture.content_type


class Shelf(Archive):
    """An archive that tells when something was put on it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def keep(self, *args: Any) -> Any:
        kept = super().keep(*args)
        self._loop.call_soon_threadsafe(self._changed.set)
        return kept

    def put_bookmark(self, *args: Any) -> None:
        super().put_bookmark(*args)
        self._loop.call_soon_threadsafe(self._changed.set)

    def prune(self, *args: Any) -> int:
        count = super().prune(*args)
        self._loop.call_soon_threadsafe(self._changed.set)
        return count

    async def until(self, agrees: Callable[[], bool]) -> None:
        """Return when it is as wanted; looked at after every change."""
        while not agrees():
            await self._changed.wait()
            self._changed.clear()


@pytest.fixture
async def shelf(directory: Path) -> Shelf:
    return Shelf(directory)
