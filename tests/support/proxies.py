"""A real proxy on loopback: HTTP CONNECT and SOCKS5 on one port, with its own view of names.

`discord_behind` gives the simulator a name that only such a proxy resolves, so that what does not go through one fails.
"""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from discord_simulator.app import Simulator
from midway.discord.proxy import Proxy

DISCORD = "discord.test"  # RFC 6761: no resolver knows it

_SOCKS5 = 5
_GRANTED, _NOT_ALLOWED, _UNREACHABLE = 0, 2, 4  # RFC 1928, REP
_ANONYMOUS, _BY_PASSWORD, _NO_METHOD = 0, 2, 255
_BOUND = b"\0\1\0\0\0\0\0\0"  # RSV, IPv4 0.0.0.0:0


class LoopbackProxy:
    """Counts what it is asked for; can be taken down, brought back, and made to misbehave in between."""

    def __init__(self, credentials: str = "") -> None:
        """Ask for these credentials (`user:password`), if any."""
        self.credentials = credentials
        self.names = {DISCORD: "127.0.0.1"}
        self.port = 0
        self.targets: list[str] = []  # host:port of each tunnel that was asked for with the right credentials
        self.heads: list[bytes] = []  # of HTTP, whole
        self.refused = 0  # for their credentials
        self.passed = bytearray()  # what clients sent through the tunnels
        self.is_open = True  # else no tunnel is made; those that are stay
        self.is_deaf = False  # takes connections, and says nothing
        self.swallows = b""  # a client's bytes that are not passed on: the tunnel breaks instead
        self.holds_after: int | None = None  # bytes of one tunnel for the client; no more of it are passed on
        self.is_holding = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self._reserved: socket.socket | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls, credentials: str = "") -> AsyncIterator[Self]:
        """Listen on a free port of loopback."""
        proxy = cls(credentials)
        proxy._reserve()
        await proxy.up()
        try:
            yield proxy
        finally:
            await proxy.down()
            if proxy._reserved:
                proxy._reserved.close()

    def url(self, scheme: str, credentials: str | None = None) -> str:
        """Return the address as an operator writes it; with other credentials than the right ones, if given."""
        given = self.credentials if credentials is None else credentials
        return f"{scheme}://{given + '@' if given else ''}127.0.0.1:{self.port}"

    def proxy(self, scheme: str, credentials: str | None = None) -> Proxy:
        """Return the same, read."""
        return Proxy.parse(self.url(scheme, credentials))

    async def up(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, sock=self._reserved)
        self._reserved = None

    async def down(self) -> None:
        """Break every connection and refuse new ones; the port stays ours."""
        if self._reserved is None:
            self._server.close()
            self._reserve()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _reserve(self) -> None:
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", self.port))
        self.port = self._reserved.getsockname()[1]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="proxied connection")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError):
                first = await reader.readexactly(1)
                if self.is_deaf:
                    await asyncio.Event().wait()
                speak = self._speak_socks5 if first[0] == _SOCKS5 else self._speak_http
                if target := await speak(first, reader, writer):
                    await self._tunnel(target, reader, writer)
        finally:
            writer.transport.abort()

    async def _speak_http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        wanted = b"Basic " + base64.b64encode(self.credentials.encode())
        method, address = head.split()[:2]
        if self.credentials and wanted not in head:
            self.refused += 1
            await _say(writer, b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n')
        elif method != b"CONNECT":
            await _say(writer, b"HTTP/1.1 405 Method Not Allowed\r\n")
        elif tunnel := await self._reached(address.decode()):
            for piece in (b"HTTP/1.1 200 Connection established\r\n", b"Via: 1.1 loopback\r\n", b"\r\n"):
                await _say_apart(writer, piece)
            return tunnel
        else:
            await _say(writer, b"HTTP/1.1 502 Bad Gateway\r\n")
        return None

    async def _speak_socks5(
        self, _: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        offered = await _counted(reader)
        method = _BY_PASSWORD if self.credentials else _ANONYMOUS
        if method not in offered:
            self.refused += 1
            await _say(writer, bytes([_SOCKS5, _NO_METHOD]))
            return None
        writer.write(bytes([_SOCKS5, method]))
        if self.credentials:
            await reader.readexactly(1)  # version
            given = await _counted(reader) + b":" + await _counted(reader)
            is_right = given == self.credentials.encode()
            writer.write(bytes([1, 0 if is_right else 1]))
            if not is_right:
                self.refused += 1
                await writer.drain()
                return None
        address = await _socks_address(reader)
        tunnel = await self._reached(address)
        failure = _UNREACHABLE if self.is_open else _NOT_ALLOWED
        writer.write(bytes([_SOCKS5, _GRANTED if tunnel else failure]) + _BOUND)
        await writer.drain()
        return tunnel

    async def _reached(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self.targets.append(address)
        host, _, port = address.rpartition(":")
        if not self.is_open:
            return None
        with suppress(OSError):
            return await asyncio.open_connection(self.names.get(host, host), int(port))
        return None

    async def _tunnel(
        self,
        target: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        back, forth = target
        ways = {asyncio.create_task(self._forth(reader, forth)), asyncio.create_task(self._back(back, writer))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            forth.transport.abort()

    async def _forth(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if self.swallows and self.swallows in data:
                return
            self.passed += data
            sink.write(data)
            await sink.drain()

    async def _back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await source.read(65536):
            passed += len(data)
            if self.holds_after is not None and passed > self.holds_after:
                self.is_holding.set()
                await asyncio.Event().wait()
            sink.write(data)
            await sink.drain()
        with suppress(OSError):
            sink.close()
            await sink.wait_closed()


@asynccontextmanager
async def discord_behind(simulator: Simulator) -> AsyncIterator[Simulator]:
    """Run the simulator under the name that only the proxies know; its links name it as well."""
    async with simulator:
        simulator.url = simulator.world.files.base_url = simulator.url.replace("127.0.0.1", DISCORD)
        yield simulator


async def _say(writer: asyncio.StreamWriter, head: bytes) -> None:
    writer.write(head + (b"Content-Length: 0\r\n\r\n" if head.startswith(b"HTTP") else b""))
    await writer.drain()


async def _say_apart(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send a piece on its own: who reads once has not read the head."""
    writer.write(piece)
    await writer.drain()
    for _ in range(5):
        await asyncio.sleep(0)  # lets the other side of the loop read


async def _counted(reader: asyncio.StreamReader) -> bytes:
    """Read bytes with their number before them."""
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _socks_address(reader: asyncio.StreamReader) -> str:
    """Read CONNECT; a name stays a name."""
    *_, kind = await reader.readexactly(4)
    if kind == 3:
        host = (await _counted(reader)).decode()
    else:
        family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, await reader.readexactly(length))
    return f"{host}:{int.from_bytes(await reader.readexactly(2), 'big')}"
