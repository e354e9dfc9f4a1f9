"""discord.py-self, adapted with subclasses; the library itself is not monkey-patched.

The library is the transport: REST with its rate limits, login, gateway session, decompression. Its parsing of events
into objects is bypassed: it edits them in place, drops what it does not know, and keeps every guild in memory.
After an upgrade of the library, review the private names used here (`PRIVATE_NAMES`, checked by `assert_supported`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Never

import aiohttp
import discord
import yarl
from curl_cffi import AsyncCurl, Curl, CurlError
from curl_cffi.aio import CURL_POLL_NONE, CURL_SOCKET_TIMEOUT
from curl_cffi.requests import AsyncSession, Response
from discord import utils
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route
from discord.state import ConnectionState

from midway.discord.cancellation import raise_if_cancelled
from midway.discord.endpoints import ClientProfile, Endpoints, encoded
from midway.discord.failure import unreachable
from midway.discord.json_types import Raw
from midway.discord.once import OnceSession, Ticket
from midway.discord.route import Way
from midway.discord.settings import ClientSettings
from midway.domain.ids import GuildId
from midway.outbound.connector import straight
from midway.outbound.proxy import Proxy

SUPPORTED_VERSION = "2.1.0"
PRIVATE_NAMES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (HTTPClient, ("startup", "request", "ws_connect", "close")),
    (discord.Client, ("login", "close", "_get_state")),
    (ConnectionState, ("clear",)),
    (AsyncSession, ("pop_curl",)),
    (Curl, ("_check_error", "_get_error")),
    (AsyncCurl, ("_force_timeout", "add_handle", "socket_action")),
    (DiscordWebSocket, ("from_client", "poll_event", "bulk_guild_subscribe", "DEFAULT_GATEWAY")),
)

MAX_CONNECTIONS = 32  # per Account, one of them for the gateway; the library's 10 would delay Interactions
MISSED_TIMEOUT_SECONDS = 0.1  # between two checks for missed time-outs while requests are in flight, as in curl_cffi
MAX_GATEWAY_MESSAGE = 64 << 20  # bytes; READY of a large account exceeds curl_cffi's 4 MiB, and could never be received

DispatchSink = Callable[[str, Raw], None]


def assert_supported() -> None:
    """Raise RuntimeError unless the installed `discord` package is the supported version of discord.py-self.

    The name is checked, too: discord.py installs into the same folder, and pip does not report the conflict.
    """
    if (discord.__title__, discord.__version__) != ("discord.py-self", SUPPORTED_VERSION):
        raise RuntimeError(f"need discord.py-self {SUPPORTED_VERSION}, got {discord.__title__} {discord.__version__}")
    missing = [f"{kind.__name__}.{name}" for kind, names in PRIVATE_NAMES for name in names if not hasattr(kind, name)]
    if missing:
        raise RuntimeError(f"discord.py-self lacks {missing}")
    discord.VoiceClient.warn_nacl = False  # voice is not used, so do not warn that it cannot work
    logging.getLogger("discord").setLevel(logging.WARNING)  # lower levels log prompts and tokens


class LibraryCurl(Curl):
    """A curl handle whose errors are freed by reference counting.

    curl_cffi's errors form a reference cycle with the frame that raises them. It raises one after each gateway event,
    to signal that no more data is available: they were most of the cycles that the garbage collector found.
    """

    def _check_error(self, errcode: int, *args: Any) -> None:
        if errcode:
            raise self._get_error(errcode, *args)  # not stored in a local variable, which would make the cycle


class LibraryTransfers(AsyncCurl):
    """The transfers of one session; uses no CPU while there are none.

    curl_cffi polls for missed time-outs ten times a second in every session, even an idle one: two thirds of the CPU
    time of two hundred idle Accounts.
    """

    def __init__(self) -> None:
        self._begun = asyncio.Event()
        super().__init__()

    def add_handle(self, curl: Curl) -> Any:
        """Start a transfer, and with it the polling."""
        self._begun.set()
        return super().add_handle(curl)

    async def _force_timeout(self) -> None:
        while True:
            await self._begun.wait()
            self._begun.clear()
            while self._curl2future:
                self.socket_action(CURL_SOCKET_TIMEOUT, CURL_POLL_NONE)
                await asyncio.sleep(MISSED_TIMEOUT_SECONDS)


class LibrarySession(AsyncSession[Response]):
    """The library's curl session; requests with a ticket are sent at most once."""

    def __init__(self, impersonate: str, way: Way, reach_timeout: timedelta) -> None:
        options: dict[str, Any] = {"max_clients": MAX_CONNECTIONS, "impersonate": impersonate}
        self._transfers = LibraryTransfers()
        super().__init__(default_headers=False, async_curl=self._transfers, **options)
        self._way = way
        self._once = OnceSession(async_curl=self._transfers, way=way, reach_timeout=reach_timeout, **options)

    async def request(  # type: ignore[override]  # `ticket` is an addition
        self, method: str, url: str, *, ticket: Ticket | None = None, **options: Any
    ) -> Response:
        """Send a request; with a ticket, at most once. Raises Unreachable if the host name does not resolve."""
        if ticket is not None:
            return await self._once.request(ticket, method, url, **options)
        self.curl_options = await self._way.to(url)
        return await super().request(method, url, **options)  # type: ignore[arg-type]  # `method` is a Literal there

    async def pop_curl(self) -> Curl:
        """Take a handle from the pool, which holds None in place of those not made yet."""
        return await self.pool.get() or LibraryCurl()

    async def close(self) -> None:
        """Release every connection."""
        await self._once.close()
        await self._transfers.close()  # type: ignore[no-untyped-call]  # untyped in curl_cffi
        await super().close()


class LibraryHTTP(HTTPClient):
    """The library's REST client with our endpoints, client properties and route to Discord."""

    endpoints: Endpoints
    profile: ClientProfile
    way: Way  # the library's own `proxy`, if unset, would fall back to HTTPS_PROXY
    reach_timeout: timedelta

    async def startup(self) -> None:
        """Open the sessions. The library's version would first fetch client properties from three other hosts."""
        if self._started:
            return
        self._global_over = asyncio.Event()
        self._global_over.set()
        self.connector = straight(self.way.names)
        self._HTTPClient__asession = aiohttp.ClientSession(connector=self.connector)
        self._HTTPClient__session = LibrarySession(self.profile.impersonate, self.way, self.reach_timeout)
        self.headers = _headers(self.profile)
        self._started = True

    async def request(self, route: Route, **options: Any) -> Any:
        """Send a request to our endpoint; `ticket=` makes it go out at most once.

        Raises what the library raises, and Unreachable.
        """
        if route.url.startswith(Route.BASE):
            route.url = self.endpoints.api + route.url.removeprefix(Route.BASE)
        self.endpoints.allow(route.url)
        with _raising_unreachable(self.way.proxy):
            return await super().request(route, **options)

    async def ws_connect(self, url: str, **options: Any) -> Any:
        """Open the gateway's socket at our address, or at the one that READY gave for resuming."""
        wanted = yarl.URL(url)
        if wanted.host == DiscordWebSocket.DEFAULT_GATEWAY.host:
            url = str(yarl.URL(self.endpoints.gateway).with_query(wanted.query))
        self.endpoints.allow(url)
        way = await self.way.to(url)
        with _raising_unreachable(self.way.proxy):
            return await super().ws_connect(url, max_message_size=MAX_GATEWAY_MESSAGE, curl_options=way, **options)


@contextmanager
def _raising_unreachable(proxy: Proxy | None) -> Iterator[None]:
    """Raise Unreachable if libcurl made no connection; other errors pass."""
    try:
        yield
    except CurlError as err:
        if unsent := unreachable(err, proxy):
            raise unsent from err
        raise


@dataclass(frozen=True, slots=True)
class Resumable:
    """What a new socket needs to resume a gateway session."""

    session_id: str
    sequence: int | None
    gateway: yarl.URL


class LibraryClient(discord.Client):
    """One library client: login, then gateway sessions, one per call of `follow`.

    Dispatches named in `names`, READY and RESUMED are passed to `sink` as raw objects, in order.
    """

    http: LibraryHTTP

    def __init__(
        self,
        endpoints: Endpoints,
        profile: ClientProfile,
        names: Iterable[str],
        sink: DispatchSink,
        *,
        way: Way,
        settings: ClientSettings,
    ) -> None:
        super().__init__(
            heartbeat_timeout=settings.silence_timeout.total_seconds(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            guild_subscriptions=False,
            sync_presence=False,
            default_ratelimit_limit=4,  # concurrent requests per route, until Discord sends a limit
        )
        # The library has already created the instance, so only its class can be replaced.
        self.http.__class__ = LibraryHTTP
        self.http.endpoints, self.http.profile = endpoints, profile
        self.http.way, self.http.reach_timeout = way, settings.reach_timeout
        self._sink = sink
        self.is_session_up = False
        self._connection.parsers = {
            **{name: _parser(sink, name) for name in names},
            "READY": self._ready_received,
            "RESUMED": self._resumed_received,
        }

    @property
    def resumable(self) -> Resumable | None:
        """What is needed to resume the current or last session; None before the first one."""
        ws: DiscordWebSocket | None = self.ws  # typed as never None by the library, but initially None
        if ws is None or ws.session_id is None:
            return None
        return Resumable(ws.session_id, ws.sequence, ws.gateway)

    @property
    def close_code(self) -> int | None:
        """The code with which Discord closed the current or last socket; None if it did not."""
        ws: DiscordWebSocket | None = self.ws
        code: int | None = getattr(ws.socket, "close_code", None) if ws else None
        return code

    async def follow(
        self,
        resumable: Resumable | None,
        guild_id: GuildId | None,
        *,
        connect_timeout: timedelta,
        ready_timeout: timedelta,
    ) -> Never:
        """Open a socket, start or resume a session, and receive until it breaks; always raises.

        Raises what the library raises: ReconnectWebSocket, ConnectionClosed, curl's and time-out errors.
        """
        try:
            async with asyncio.timeout(connect_timeout.total_seconds()):
                self.ws = await DiscordWebSocket.from_client(self, **_session_options(resumable))
            async with asyncio.timeout(ready_timeout.total_seconds()):
                await self._receive_until_up()
                if guild_id:
                    await self._subscribe(guild_id)
            while True:
                await self._receive()
        finally:
            self.is_session_up = False

    async def _receive_until_up(self) -> None:
        while not self.is_session_up:
            await self._receive()

    async def _receive(self) -> None:
        """Receive one frame."""
        await self.ws.poll_event()
        raise_if_cancelled()

    async def _subscribe(self, guild_id: GuildId) -> None:
        """Subscribe to the guild's messages: those of guilds above 75,000 members come only with a subscription."""
        await self.ws.bulk_guild_subscribe({guild_id: {"typing": True, "threads": True, "activities": True}})

    def _ready_received(self, raw: Raw) -> None:
        if token := raw.get("auth_token"):
            self.http.token = token  # Discord may send a new token in READY, and then refuses the old one
        self.is_session_up = True
        self._sink("READY", raw)

    def _resumed_received(self, raw: Raw | None) -> None:
        self.is_session_up = True
        self._sink("RESUMED", raw or {})


def _parser(sink: DispatchSink, name: str) -> Callable[[Raw], None]:
    return lambda raw: sink(name, raw)


def _session_options(resumable: Resumable | None) -> dict[str, Any]:
    if resumable is None:
        return {"initial": True}
    return {
        "resume": True,
        "session": resumable.session_id,
        "sequence": resumable.sequence,
        "gateway": resumable.gateway,
    }


def _headers(profile: ClientProfile) -> utils.Headers:
    properties = profile.properties()
    return utils.Headers(
        platform="Windows",
        major_version=profile.chrome_version,
        super_properties=properties,
        encoded_super_properties=encoded(properties),
        extra_gateway_properties={
            "is_fast_connect": False,
            "latest_headless_tasks": [],
            "latest_headless_task_run_seconds_before": None,
            "gateway_connect_reasons": "AppSkeleton",
        },
    )
