"""Outgoing HTTP to URLs from clients: only public addresses are ever connected to.

The check is made when the socket is created, on the IP address that is about to be connected to. So it does not matter
what a name resolved to earlier or will resolve to later.

The check cannot see where a proxy connects to. So only requests to Discord's own hosts, which the caller recognises, go
through the proxy; a URL of any other host never reaches the proxy's network. Proxies from the environment (HTTPS_PROXY
and the like) are not used: aiohttp reads them only with `trust_env`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from msgspec import Struct
from yarl import URL

from midway.outbound.address import (
    MAX_URL_CHARACTERS,
    is_loopback,
    is_loopback_as_written,
    is_number_in_disguise,
    is_private_as_written,
    is_public,
)
from midway.outbound.connector import AddressToConnect, connector, straight
from midway.outbound.lanes import Lanes
from midway.outbound.names import NameUnreadable
from midway.outbound.proxy import Proxy

MAX_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024


class UrlRefused(Exception):
    """The URL must not be requested; trying again does not help. `problem` says why, without the URL."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class FetchFailed(Exception):
    """The server did not deliver the file; trying again may help, except after 403, 404 and 410."""

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.status = status


class _PrivateAddress(OSError):
    """Raised when the socket is created, always with the same text.

    aiohttp raises it unchanged for a name with several private addresses only if all their errors have the same text.
    """

    def __init__(self) -> None:
        super().__init__("the address is not public")


class Fetched(Struct, frozen=True):
    """A file as the server delivered it; `content_type` is from its header, without parameters."""

    data: bytes
    content_type: str


def check_url(url: str) -> URL:
    """Parse a URL that may be requested: http or https, without credentials, with a host and a valid port.

    Private hosts are not refused here, but when connecting.
    Raises UrlRefused.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlRefused(f"the address is longer than {MAX_URL_CHARACTERS} characters")
    try:
        parsed = URL(url)
        _check_parts(parsed)
    except ValueError as err:  # invalid punycode is found only when the host is read
        raise UrlRefused("the address cannot be read") from err
    return parsed


def _check_parts(url: URL) -> None:
    if url.scheme not in {"http", "https"}:
        raise UrlRefused("the address is neither http nor https")
    if not url.host:
        raise UrlRefused("the address names no host")
    if url.user is not None or url.password is not None:
        raise UrlRefused("the address carries credentials")
    if not url.port:
        raise UrlRefused("the address names no port that exists")
    if is_number_in_disguise(url.host):
        raise UrlRefused("the host is a number in disguise")


class Outbound:
    """Requests http(s) URLs; private addresses only if their host is in `allow_hosts` (`host` or `host:port`).

    With `allow_loopback` this machine counts as public. URLs for which `is_discord` is true go through the proxy; that
    is decided again at each redirect. `lanes` limits concurrent fetches; callers of `post` have limits of their own.
    Use as an async context manager; it owns its connections, not the resolver.
    """

    def __init__(
        self,
        allow_hosts: Collection[str] = (),
        *,
        allow_loopback: bool = False,
        resolver: AbstractResolver | None = None,
        proxy: Proxy | None = None,
        is_discord: Callable[[str], bool] = lambda _: False,
        lanes: Lanes | None = None,
    ) -> None:
        self._allowed = frozenset(host.lower() for host in allow_hosts)
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        self._proxy = proxy
        self._is_discord = is_discord
        self._lanes = lanes or Lanes()

    def check_written(self, url: str) -> None:
        """Refuse a URL whose text alone shows that its host is private. Raises UrlRefused.

        What a name resolves to is checked when connecting. Invalid URLs are not refused here.
        """
        try:
            parsed = URL(url[:MAX_URL_CHARACTERS])
            host = parsed.host or ""
        except ValueError:
            return
        is_ours = self._allow_loopback and is_loopback_as_written(host)
        if is_private_as_written(host) and not is_ours and not self._is_allowed(parsed):
            raise UrlRefused("the address is private")

    async def __aenter__(self) -> Self:
        """Open; no connection is made yet."""
        self._guarded = _session(straight(self._resolver, self._socket))
        self._trusted = _session(straight(self._resolver))
        self._proxied = _session(connector(self._proxy, self._resolver))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._guarded.close()
        await self._trusted.close()
        await self._proxied.close()

    @asynccontextmanager
    async def post(
        self, url: str, body: bytes, *, headers: dict[str, str], within: timedelta
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Post a body and yield the response, whatever its status; redirects are not followed.

        Raises UrlRefused, aiohttp.ClientError and TimeoutError.
        """
        async with self._request("POST", check_url(url), within, headers=headers, body=body) as response:
            yield response

    async def fetch(self, url: str, *, max_bytes: int, within: timedelta) -> Fetched:
        """Read a file within a time limit, following up to MAX_REDIRECTS redirects, each checked like the first URL.

        Raises UrlRefused, FetchFailed (also for a file over `max_bytes`) and TimeoutError.
        """
        target = check_url(url)
        async with asyncio.timeout(within.total_seconds()) as limit:
            return await self._followed(target, max_bytes, within, limit)

    async def _followed(self, target: URL, max_bytes: int, within: timedelta, limit: asyncio.Timeout) -> Fetched:
        try:
            for _ in range(MAX_REDIRECTS + 1):
                async with self._turn(target.host or "", limit), self._request("GET", target, within) as response:
                    if not (forward := _redirect(response)):
                        return await _read(response, max_bytes)
                target = forward
        except aiohttp.ClientConnectorDNSError as err:
            raise FetchFailed("the name of its host has no address, or none was told in time") from err
        except aiohttp.ClientError as err:
            raise FetchFailed(f"no answer: {type(err).__name__}") from err
        raise UrlRefused("the address redirects too often")

    @asynccontextmanager
    async def _turn(self, host: str, limit: asyncio.Timeout) -> AsyncIterator[None]:
        """Hold a place for a request to a host, and record whether the host gave a complete answer.

        A cancelled caller and a refused URL say nothing about the host.
        """
        async with self._lanes.turn(host):
            try:
                yield
            except FetchFailed:
                self._lanes.note(host, answered=True)
                raise
            except (aiohttp.ClientError, TimeoutError):
                self._lanes.note(host, answered=False)
                raise
            except asyncio.CancelledError:
                if limit.expired():
                    self._lanes.note(host, answered=False)
                raise
            self._lanes.note(host, answered=True)

    @asynccontextmanager
    async def _request(
        self, method: str, url: URL, within: timedelta, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limit = aiohttp.ClientTimeout(total=within.total_seconds())
        try:
            async with self._session(url).request(
                method, url, data=body or None, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                yield response
        except (aiohttp.InvalidURL, UnicodeError) as err:  # a host name that no resolver takes
            raise UrlRefused("the address cannot be read") from err
        except aiohttp.ClientConnectorError as err:
            if isinstance(err.os_error, NameUnreadable):
                raise UrlRefused("the address cannot be read") from err
            if isinstance(err.os_error, _PrivateAddress):
                raise UrlRefused(str(err.os_error)) from err
            raise

    def _socket(self, address: AddressToConnect) -> socket.socket:
        family, kind, protocol, _, (host, *_) = address
        ip = ip_address(host)
        if not is_public(ip) and not (self._allow_loopback and is_loopback(ip)):
            raise _PrivateAddress
        return socket.socket(family, kind, protocol)

    def _session(self, url: URL) -> aiohttp.ClientSession:
        if self._proxy and self._is_discord(str(url)):
            return self._proxied
        return self._trusted if self._is_allowed(url) else self._guarded

    def _is_allowed(self, url: URL) -> bool:
        return not self._allowed.isdisjoint({url.host, f"{url.host}:{url.port}"})


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _redirect(response: aiohttp.ClientResponse) -> URL | None:
    """Return the checked target of a redirect; None when the response is not a redirect."""
    if response.status not in {301, 302, 303, 307, 308} or "Location" not in response.headers:
        return None
    try:
        return check_url(str(response.url.join(URL(response.headers["Location"]))))
    except ValueError as err:
        raise UrlRefused("the address redirects to one that cannot be read") from err


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> Fetched:
    if not response.ok:
        raise FetchFailed(f"answered {response.status}", response.status)
    data = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > max_bytes:
            raise FetchFailed(f"larger than {max_bytes} bytes")
    return Fetched(bytes(data), response.content_type)
