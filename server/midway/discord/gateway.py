"""Keeps one Account connected, with one library client after another."""

import asyncio
import logging
from datetime import timedelta
from typing import Never

import discord
from curl_cffi import CurlError
from discord.gateway import ReconnectWebSocket

from midway.discord.backoff import Backoff
from midway.discord.cancellation import raise_if_cancelled
from midway.discord.decode import DECODERS
from midway.discord.endpoints import ClientProfile, Endpoints
from midway.discord.errors import NotConnected, Unreachable
from midway.discord.event import Connected, Disconnected, TokenRefused
from midway.discord.failure import curl_words
from midway.discord.json_types import Raw, inner, text
from midway.discord.library import DispatchSink, LibraryClient, LibraryHTTP, Resumable
from midway.discord.port import EventSink
from midway.discord.route import Way
from midway.discord.settings import ClientSettings
from midway.domain.ids import GuildId, UserId
from midway.outbound.proxy import Proxy

LOG = logging.getLogger(__name__)
CLOSE_TIMEOUT = timedelta(seconds=5)  # for an orderly close; then the socket is dropped

# Close codes after which reconnecting cannot help: 4004, the token is refused; 4010-4014, invalid session parameters.
# It reconnects after any other. Source: Discord's list of gateway close codes.
FINAL_CLOSE_CODES = frozenset({4004, 4010, 4011, 4012, 4013, 4014})
TOO_FAST = 4008  # close code for a rate limit: the session may be resumed, but not at once


class SessionLost(Exception):
    """The session could not be resumed at once; back off, then use a new library client."""


class Gateway:
    """Connects, receives and reconnects; the only owner of the current library client.

    After a broken socket it reconnects at once and resumes the session. If that fails, it makes a new library client
    after a back-off, which also tries to resume the last session.
    """

    def __init__(
        self,
        token: str,
        guild_id: GuildId | None,
        *,
        endpoints: Endpoints,
        profile: ClientProfile,
        settings: ClientSettings,
        way: Way,
        dispatched: DispatchSink,
    ) -> None:
        self.token = token
        self._guild_id = guild_id
        self._endpoints = endpoints
        self._profile = profile
        self._settings = settings
        self._way = way
        self._dispatched = dispatched
        self._backoff = Backoff(settings.backoff_first, settings.backoff_cap)
        self._client: LibraryClient | None = None
        self._resumable: Resumable | None = None
        self._user: Raw = {}
        self._came_up = False  # whether the current socket got a session
        self._down_reason = ""  # as last reported; blank while connected
        self._report: EventSink

    @property
    def is_up(self) -> bool:
        """Whether a session is up."""
        return self._client is not None and self._client.is_session_up

    @property
    def session_id(self) -> str:
        """The id of the session that is to receive an Interaction's events. Raises NotConnected without one."""
        if self._client is None or not self._client.is_session_up or self._client.resumable is None:
            raise NotConnected("there is no gateway session")
        return self._client.resumable.session_id

    @property
    def http(self) -> LibraryHTTP:
        """The current REST client. Raises NotConnected between two library clients."""
        if self._client is None:
            raise NotConnected("not logged in")
        return self._client.http

    async def run(self, sink: EventSink) -> None:
        """Stay connected until cancelled or refused for good; report that, connects and disconnects to `sink`."""
        self._report = sink
        try:
            while True:
                end = await self._run_client_to_end()
                raise_if_cancelled()
                self._report_down(_reason(end, self._way.proxy), tells_more=isinstance(end, Unreachable | TimeoutError))
                await asyncio.sleep(self._backoff.next().total_seconds())
        except discord.LoginFailure:
            self._report_refused("Discord does not accept the token")
        except discord.ConnectionClosed as closed:
            self._report_refused(f"Discord closed the gateway with the final code {closed.code}")

    async def _run_client_to_end(self) -> Exception:
        """Run one library client until its connection is lost; return the error that ended it. Raises final errors."""
        try:
            await self._run_client()
        except discord.LoginFailure:
            raise
        except discord.ConnectionClosed as closed:
            if closed.code in FINAL_CLOSE_CODES:
                raise
            return closed
        except Exception as err:  # noqa: BLE001 - supervised: a new client is tried after any error
            return err

    async def _run_client(self) -> Never:
        """Run one library client: log in, then follow session after session; always raises."""
        client = LibraryClient(
            self._endpoints,
            self._profile,
            DECODERS,
            self._received,
            way=self._way,
            settings=self._settings,
        )
        try:
            async with asyncio.timeout(self._settings.connect_timeout.total_seconds()):
                await client.login(self.token)
            self._client = client
            while True:
                await self._follow(client)
        finally:
            self._client = None
            self.token = client.http.token or self.token
            await _close(client)

    async def _follow(self, client: LibraryClient) -> None:
        """Receive until the socket breaks; return if the session can be resumed at once, else raise."""
        self._came_up = False
        try:
            await client.follow(
                self._resumable,
                self._guild_id,
                connect_timeout=self._settings.connect_timeout,
                ready_timeout=self._settings.ready_timeout,
            )
        except ReconnectWebSocket as wish:
            self._resumable = client.resumable if wish.resume else None
            # Back off: otherwise a failing or rate-limiting gateway would be flooded with reconnects.
            if client.close_code == TOO_FAST or not (wish.resume and self._came_up):
                raise SessionLost("the session was refused or ended by Discord") from wish
            self._report_down("the socket broke")
        except BaseException:
            self._resumable = client.resumable or self._resumable
            raise

    def _received(self, name: str, raw: Raw) -> None:
        if name == "READY":
            self._user = inner(raw, "user")
            self._report_up(resumed=False)
        elif name == "RESUMED":
            self._report_up(resumed=True)
        else:
            self._dispatched(name, raw)

    def _report_up(self, *, resumed: bool) -> None:
        self._came_up = True
        self._down_reason = ""
        self._backoff.reset()
        LOG.info("connected to Discord", extra={"resumed": resumed})
        self._report(Connected(UserId(text(self._user, "id")), text(self._user, "username"), resumed))

    def _report_down(self, reason: str, *, tells_more: bool = False) -> None:
        """Report a lost connection once; later reports only say why reconnecting fails."""
        if self._down_reason and not (tells_more and reason != self._down_reason):
            return
        self._down_reason = reason
        LOG.warning("disconnected from Discord: %s", reason)
        self._report(Disconnected(reason))

    def _report_refused(self, reason: str) -> None:
        LOG.error("%s", reason)
        self._report(TokenRefused(reason))


def _reason(end: Exception, proxy: Proxy | None) -> str:
    """Describe for the operator why a connection ended, in the same words at each attempt."""
    match end:
        case Unreachable():
            return end.reason
        case discord.ConnectionClosed():
            return f"closed with {end.code}"
        case TimeoutError():
            return f"no answer in time{f' through the proxy {proxy}' if proxy else ''}"
        case CurlError():
            return curl_words(end)
        case _:
            return f"{type(end).__name__}: {end}"


async def _close(client: LibraryClient) -> None:
    """Release a library client's resources. Never raises, so that a pending cancellation is not replaced."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
            await client.close()
    except Exception:  # supervised: the client is discarded in any case
        LOG.warning("a connection to Discord did not close cleanly", exc_info=True)
