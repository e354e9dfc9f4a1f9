"""An address that stays while what is behind it comes and goes: connections are refused by an end, or passed on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes connections on to `target`, `host:port`; while it is empty, closes them at once."""

    def __init__(self) -> None:
        self.port = 0
        self.target = ""

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Relay"]:
        """Listen on a free port of loopback."""
        relay = cls()
        server = await asyncio.start_server(relay._connected, "127.0.0.1", 0)
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        with suppress(OSError):
            if port:
                back, forth = await asyncio.open_connection(host, int(port))
                await asyncio.gather(_copied(reader, forth), _copied(back, writer))
        writer.close()


async def _copied(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until either end goes away."""
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
