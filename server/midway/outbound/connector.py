"""aiohttp connections, direct or through a proxy. SOCKS5 is done by aiohttp-socks; HTTP CONNECT is done here.

aiohttp itself tunnels only https. python-socks reads a proxy's answer with a single read: if the answer came in two
pieces, the second would be taken for the beginning of Discord's.
"""

import asyncio
import base64
import socket
import ssl as tls
from collections.abc import Callable
from typing import Any

import aiohttp
import aiohttp_socks
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler

from midway.outbound.address import is_literal
from midway.outbound.proxy import Proxy, ProxyKind, trouble

MAX_HEAD_BYTES = 64 * 1024  # of a proxy's answer
CONNECT_SECONDS = 60.0  # where aiohttp passes no time-out; callers have a shorter one

AddressToConnect = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]
_Connection = tuple[asyncio.Transport, ResponseHandler]


class ProxyUnusable(aiohttp.ClientConnectionError):
    """No connection could be made through the proxy; nothing of the request was sent."""

    def __init__(self, proxy: Proxy, cause: BaseException) -> None:
        super().__init__(f"no connection through the proxy {proxy}")
        self.proxy = proxy
        self.trouble = trouble(str(cause) or type(cause).__name__)


class ProxyConnector(aiohttp_socks.ProxyConnector):
    """Connects aiohttp's sessions through a proxy. Raises ProxyUnusable for every problem.

    `names` resolves the proxy's own name; the names of the requests are resolved by the proxy.
    """

    def __init__(self, proxy: Proxy, names: AbstractResolver | None) -> None:
        super().__init__(
            proxy.host,
            proxy.port,
            aiohttp_socks.ProxyType.SOCKS5,
            username=proxy.user or None,
            password=proxy.password or None,
            rdns=True,
        )
        self._proxy = proxy
        self._names = names

    async def _wrap_create_connection(self, *args: Any, **options: Any) -> _Connection:
        try:
            return await super()._wrap_create_connection(*args, **options)
        except (
            aiohttp_socks.ProxyError,
            aiohttp_socks.ProxyConnectionError,
            aiohttp_socks.ProxyTimeoutError,
            EOFError,
            asyncio.LimitOverrunError,
            OSError,  # of the connection to the proxy, or of TLS within the tunnel
        ) as err:
            raise ProxyUnusable(self._proxy, err) from err

    async def _connect_via_proxy(
        self,
        host: str,
        port: int,
        ssl: tls.SSLContext | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the parameter is aiohttp-socks'
    ) -> _Connection:
        async with asyncio.timeout(timeout or CONNECT_SECONDS):
            addresses = await self._addresses()
            for address in addresses:
                try:
                    return await self._connect_via(address, host, port, ssl)
                except aiohttp_socks.ProxyConnectionError:
                    if address == addresses[-1]:
                        raise
        raise aiohttp_socks.ProxyConnectionError("name resolution gave no address")

    async def _addresses(self) -> list[str]:
        """Resolve the proxy's name here, because the event loop would do it in its few threads."""
        host = self._proxy.host
        if self._names is None or is_literal(host):
            return [host]
        try:
            return [found["host"] for found in await self._names.resolve(host, self._proxy.port)]
        except OSError as err:
            raise aiohttp_socks.ProxyConnectionError(f"name resolution failed: {err}") from err

    async def _connect_via(self, address: str, host: str, port: int, ssl: tls.SSLContext | None) -> _Connection:
        if self._proxy.kind is ProxyKind.HTTP:
            return await self._connect_via_http(address, host, port, ssl)
        self._proxy_host = address
        return await super()._connect_via_proxy(host, port, ssl, CONNECT_SECONDS)

    async def _connect_via_http(self, address: str, host: str, port: int, ssl: tls.SSLContext | None) -> _Connection:
        try:
            reader, writer = await asyncio.open_connection(address, self._proxy.port, limit=MAX_HEAD_BYTES)
        except OSError as err:
            raise aiohttp_socks.ProxyConnectionError(f"failed to connect to the proxy: {err}") from err
        try:
            writer.write(_connect_request(self._proxy, host, port))
            _check_answer(await reader.readuntil(b"\r\n\r\n"))
            if ssl:
                await writer.start_tls(ssl, server_hostname=host)
        except BaseException:
            writer.transport.abort()
            raise
        return _handed_over(writer, self._loop)


class _Handler(ResponseHandler):
    """Keeps a reference to the stream's writer, which closes the connection when it is garbage-collected."""

    def __init__(self, loop: asyncio.AbstractEventLoop, writer: asyncio.StreamWriter) -> None:
        super().__init__(loop)
        self._writer = writer


def connector(proxy: Proxy | None, names: AbstractResolver | None = None) -> aiohttp.BaseConnector:
    """Make the connector of an aiohttp session. Call it within a running event loop."""
    return ProxyConnector(proxy, names) if proxy else straight(names)


def straight(
    names: AbstractResolver | None, new_socket: Callable[[AddressToConnect], socket.socket] | None = None
) -> aiohttp.BaseConnector:
    """Make a connector without a proxy; `new_socket` makes the socket for each address before it is connected to.

    It caches no addresses: `Names` shares look-ups and caches answers. It does not limit connections, because aiohttp
    would count those that still wait for a name look-up.
    """
    return aiohttp.TCPConnector(resolver=names, use_dns_cache=False, socket_factory=new_socket, limit=0)


def _connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if proxy.user:
        credentials = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    return "\r\n".join([*lines, "", ""]).encode()


def _check_answer(head: bytes) -> None:
    """Raise ProxyError unless the proxy answered CONNECT with 2xx."""
    status_line = head.partition(b"\r\n")[0].decode("latin-1")
    version, _, status = status_line.partition(" ")
    if not (version.startswith("HTTP/") and status[:1] == "2"):
        raise aiohttp_socks.ProxyError(f"CONNECT tunnel failed, response {status[:3]}")


def _handed_over(writer: asyncio.StreamWriter, loop: asyncio.AbstractEventLoop) -> _Connection:
    """Pass the connection to aiohttp, which reads from it from now on."""
    handler = _Handler(loop, writer)
    transport: Any = writer.transport
    transport.set_protocol(handler)
    handler.connection_made(transport)
    return transport, handler
