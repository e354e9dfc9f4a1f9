"""The simulator as one HTTP server on one port."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from . import control, cross_site, gateway
from .bot.bot import MidjourneyBot
from .connection import SOCKETS, Sockets
from .options import Options
from .rest import (
    applications,
    cdn,
    channels,
    fixed_answers,
    guilds,
    interactions,
    messages,
    pins,
    reactions,
    search,
    uploads,
    users,
    versions,
)
from .rest.context import BOT, WORLD
from .rest.middleware import inject_fault, record_request, refuse_as_discord
from .users import Installed
from .world import BotFactory, World

BACKLOG = 4096  # connections not accepted yet: all clients of a test may connect at once; the system may cap it
MAX_BODY_BYTES = 64 << 20  # five pictures of base64 and room
SHUTDOWN_SECONDS = 0.5  # for requests still running; an armed fault may keep one for a minute
GOING_AWAY = 1001  # WebSocket close code
ROUTES = (  # searched in this order: the most frequent first, and a fixed path before one with a parameter
    interactions,
    search,
    pins,
    messages,
    reactions,
    channels,
    users,
    guilds,
    uploads,
    applications,
    fixed_answers,
    versions,
    gateway,
    cdn,
    control,
)


def make_app(world: World, bot_factory: BotFactory) -> web.Application:
    """Wire the routes to a world and the bot that lives in it."""
    middlewares = (cross_site.refuse_foreign, control.explain_mistakes, record_request, inject_fault, refuse_as_discord)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=middlewares)
    app[WORLD] = world
    app[BOT] = bot_factory(world)
    app[SOCKETS] = Sockets()
    for module in ROUTES:
        app.add_routes(module.routes)
    app.on_shutdown.append(_leave)
    return app


async def _leave(app: web.Application) -> None:
    """Stop the bot and close every socket: aiohttp would wait for open ones."""
    app[WORLD].clock.clear()
    await app[WORLD].drawing_pool.close()
    for socket in app[SOCKETS].copy():
        socket.close(GOING_AWAY)


class Simulator:
    """A running simulator: `async with Simulator(accounts=2, seed=1, speed=100) as simulator: simulator.url`.

    Port 0 takes a free one. Without a seed no two runs share an id, so that a client which remembers an
    earlier run is never confused; with one, ids, job UUIDs and pictures repeat. `bots` are in each account's server.
    """

    def __init__(
        self,
        *,
        accounts: int = 2,
        seed: int | None = None,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        options: Options | None = None,
        bots: Installed = Installed.BOTH,
        bot: BotFactory = MidjourneyBot,
    ) -> None:
        self.world = World(
            accounts=accounts,
            seed=seed,
            speed=speed,
            options=options,
            bots=Installed(bots),
        )
        self.url = ""
        self._app = make_app(self.world, bot)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._address = (host, port)

    @property
    def gateway_url(self) -> str:
        """Where clients open their WebSocket."""
        return self.url.replace("http", "ws", 1) + "/gateway"

    async def start(self) -> None:
        """Listen; `url` is known afterwards."""
        await self._runner.setup()
        host, port = self._address
        await web.TCPSite(self._runner, host, port, backlog=BACKLOG).start()
        port = self._runner.addresses[0][1]
        self.url = self.world.files.base_url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close every connection and stop listening, in less than two seconds unless a large picture is being drawn."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
