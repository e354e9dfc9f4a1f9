"""A DiscordClient connected to a simulator of its own, and the events that it gave."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from discord_simulator.app import Simulator
from discord_simulator.fault import Fault
from discord_simulator.tokens import user_token
from discord_simulator.users import BotSettings
from midway.discord.client import DiscordClient
from midway.discord.endpoints import Endpoints
from midway.discord.event import Connected, Event, Message, MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, ButtonPress, Command, Option
from midway.discord.proxy import Proxy
from midway.discord.settings import ClientSettings
from midway.domain.ids import ChannelId, GuildId, MessageId, Nonce, Nonces
from midway.domain.image import InputImage
from PIL import Image

from tests.support.downloads import downloaded
from tests.support.processes import PATIENCE_SECONDS

TOKEN = user_token(1)
GUILD = GuildId("200000000000000001")
CHANNEL = ChannelId("300000000000000001")
DIRECT_CHANNEL = ChannelId("400000000000000001")
PATIENCE = PATIENCE_SECONDS

QUICK = ClientSettings(
    interact_timeout=timedelta(seconds=10),
    proof_timeout=timedelta(milliseconds=300),
    backoff_first=timedelta(milliseconds=20),
    backoff_cap=timedelta(milliseconds=100),
)

Kind = TypeVar("Kind", bound=Event)


@dataclass
class Seen:
    """Every event so far; `wait` looks at those before and after the call alike."""

    events: list[Event] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    async def wait(self, kind: type[Kind], wanted: Callable[[Kind], bool] = lambda _: True, *, count: int = 1) -> Kind:
        """Return the count-th event of this kind that is wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [event for event in self.of(kind) if wanted(event)]
                if len(found) >= count:
                    return found[count - 1]
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Linked:
    """A client, the simulator it talks to, and what it saw."""

    client: DiscordClient
    simulator: Simulator
    seen: Seen
    running: asyncio.Task[None]
    nonces: Nonces = field(default_factory=Nonces)

    @property
    def settings(self) -> BotSettings:
        """What the account has set at the Midjourney bot."""
        return self.simulator.world.accounts[0].settings[MIDJOURNEY_APPLICATION_ID]

    async def imagine(self, prompt: str) -> Nonce:
        nonce = self.nonces.next()
        await self.client.interact(imagine(prompt), nonce)
        return nonce

    def arm(self, *faults: Fault) -> None:
        for fault in faults:
            self.simulator.world.inject(fault)

    def journal(self, kind: str) -> list[dict[str, Any]]:
        return list(self.simulator.world.journal.lines(kind=kind))

    def faulty_posts(self) -> int:
        """How many requests ran into a fault: with one armed for good, that is how often a request was sent."""
        return len(self.journal("fault"))

    async def fetch(self, url: str) -> bytes:
        """Read a file from the CDN, whole."""
        return await downloaded(partial(self.client.download, url))

    async def grid(self, prompt: str = "a red fox") -> Message:
        """Imagine, and return the finished grid."""
        await self.imagine(prompt)
        finished = await self.seen.wait(MessageCreated, lambda event: bool(event.message.buttons))
        return finished.message


@asynccontextmanager
async def running(
    simulator: Simulator, *, token: str = TOKEN, settings: ClientSettings = QUICK, proxy: Proxy | None = None
) -> AsyncIterator[Linked]:
    """Run a client, connected or not."""
    endpoints = Endpoints.simulator(simulator.url)
    client = DiscordClient(token, GUILD, endpoints=endpoints, settings=settings, proxy=proxy)
    seen = Seen()
    task = asyncio.create_task(client.run(seen), name="client")
    try:
        yield Linked(client, simulator, seen, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def connected(*, settings: ClientSettings = QUICK, **simulated: Any) -> AsyncIterator[Linked]:
    """Start a simulator and a client, and wait until the client is connected."""
    async with (
        Simulator(**({"accounts": 1, "seed": 1, "speed": 200} | simulated)) as simulator,
        running(simulator, settings=settings) as linked,
    ):
        await linked.seen.wait(Connected)
        yield linked


def imagine(prompt: str) -> Command:
    return Command(
        application_id=MIDJOURNEY_APPLICATION_ID,
        channel_id=CHANNEL,
        guild_id=GUILD,
        name="imagine",
        options=(Option("prompt", prompt),),
    )


def press(message_id: MessageId, custom_id: str) -> ButtonPress:
    return ButtonPress(
        application_id=MIDJOURNEY_APPLICATION_ID,
        channel_id=CHANNEL,
        guild_id=GUILD,
        message_id=message_id,
        message_flags=0,
        custom_id=custom_id,
    )


def picture(colour: str = "red", size: tuple[int, int] = (64, 48)) -> InputImage:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return InputImage(buffer.getvalue(), "image/png", *size)
