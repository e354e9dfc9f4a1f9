"""A real receiver of webhooks, and Tasks that change."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.domain.task import Task
from midway.engine.clock import SystemClock
from midway.outbound.client import Outbound
from midway.store.memory import MemoryStore
from midway.store.port import OutboxRow, Store
from midway.webhook.rules import WebhookRules
from midway.webhook.sender import WebhookSender

from tests.support.processes import PATIENCE_SECONDS

QUICK = WebhookRules(first_delay=timedelta(milliseconds=1), longest_delay=timedelta(milliseconds=5))


@dataclass(frozen=True)
class Post:
    """One request that the receiver saw."""

    headers: dict[str, str]
    body: bytes

    @property
    def change(self) -> tuple[str, str]:
        told = orjson.loads(self.body)
        return told["id"], told["state"]


class Receiver:
    """An HTTP server that takes notices, or answers as it is told first."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.taken: list[Post] = []
        self.answers: deque[web.Response] = deque()  # used up one a request before any is taken
        self.gate = asyncio.Event()  # requests wait for it
        self.gate.set()
        self.open = 0
        self.most_open = 0
        self._arrived = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self.server = TestServer(app)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/hook"

    async def until_posts(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.posts) >= count)

    async def until_taken(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        post = Post({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await self._note(self.posts, post)
        await self.gate.wait()
        self.open -= 1
        if self.answers:
            return self.answers.popleft()
        await self._note(self.taken, post)
        return web.Response()

    async def _note(self, kept: list[Post], post: Post) -> None:
        async with self._arrived:
            kept.append(post)
            self._arrived.notify_all()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with receiver.server:
        yield receiver
        receiver.gate.set()


@pytest.fixture
async def outbound(receiver: Receiver) -> AsyncIterator[Outbound]:
    async with Outbound({receiver.host}) as outbound:
        yield outbound


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def render(task: Task) -> bytes:
    return orjson.dumps({"id": task.id, "state": task.state, "prompt": task.ask.prompt})


@asynccontextmanager
async def sending(
    store: Store,
    outbound: Outbound,
    rules: WebhookRules = QUICK,
    secret: str | None = None,
    shown: Callable[[Task], bytes] = render,
) -> AsyncIterator[None]:
    """Run a sender while the context is open."""
    sender = WebhookSender(store, SystemClock(), shown, outbound, rules=rules, secret=secret)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sender.run(), name="webhooks")
        yield
        running.cancel()


async def until_outbox(store: Store, agrees: Callable[[list[OutboxRow]], bool]) -> list[OutboxRow]:
    """Return the first notice of each Task, due or not, as soon as they are as wanted."""
    async with store.doorbell() as bell:
        while not agrees(rows := await store.outbox_due(datetime.now(UTC) + timedelta(days=2))):
            await bell.wait()
    return rows


async def until_outbox_is_empty(store: Store) -> None:
    """Return when nothing is left to deliver."""
    await until_outbox(store, lambda rows: not rows)
