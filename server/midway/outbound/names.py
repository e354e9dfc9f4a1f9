"""Names to addresses, by c-ares: no thread waits for a name, so one that never resolves delays nobody else.

The event loop's own getaddrinfo waits in a pool of threads, uvloop's in one of two, and every connection that aiohttp
makes passes through the same pool, also to a literal address. So no name of outgoing HTTP may ever come to it: all of
them are resolved here. c-ares reads /etc/hosts and /etc/resolv.conf, and keeps answers for as long as they are good.
"""

import asyncio
import socket
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

import aiodns
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from midway.outbound.address import is_loopback_as_written

# c-ares waits a quarter of the time for the first answer of a server, and twice as long at each further try; what it
# has of a name (the addresses of one kind, while the question for the other kind is lost) it gives after the first.
_FIRST_TRY = 0.25
_TRIES = 4
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

_Address = tuple[socket.AddressFamily, str]
_Key = tuple[str, socket.AddressFamily]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRules:
    """How names are resolved; the settings fill it."""

    timeout: timedelta = timedelta(seconds=5)  # for the whole look-up of one name
    servers: tuple[str, ...] = ()  # `host:port` of name servers; empty: the system's


class NameUnresolved(OSError):
    """There is no address for a name, or none was told in time. An OSError with no number, as aiohttp expects it."""


class NameUnreadable(NameUnresolved):
    """No name server can be asked for such a name; trying again does not help."""


class Names(AbstractResolver):
    """aiohttp's resolver for all outgoing HTTP of a process. Use as a context manager; it owns its sockets.

    Who asks for a name that is being looked up waits for the same look-up.
    """

    def __init__(self, rules: NameRules | None = None) -> None:
        self._rules = rules or NameRules()
        self._under_way: dict[_Key, asyncio.Task[list[_Address]]] = {}
        self._resolver: aiodns.DNSResolver

    async def __aenter__(self) -> Self:
        """Open; nothing is asked yet."""
        seconds = self._rules.timeout.total_seconds()
        self._resolver = aiodns.DNSResolver(self._rules.servers or None, timeout=seconds * _FIRST_TRY, tries=_TRIES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is looked up."""
        await self.close()

    async def close(self) -> None:
        """Give up what is looked up, and close the sockets."""
        under_way = list(self._under_way.values())
        for look_up in under_way:
            look_up.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._resolver.close()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, the best first. Raises NameUnresolved."""
        # The dot at the end says that the name is whole; c-ares would ask a server for this machine's, then.
        key = (host.rstrip(".") if is_loopback_as_written(host) else host, family)
        look_up = self._under_way.get(key) or self._begun(key)
        addresses = await asyncio.shield(look_up)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC)
            for kind, address in addresses
        ]

    def _begun(self, key: _Key) -> asyncio.Task[list[_Address]]:
        look_up = self._under_way[key] = asyncio.create_task(self._looked_up(*key), name="look-up of a name")

        def ended(look_up: asyncio.Task[list[_Address]]) -> None:
            del self._under_way[key]
            if not look_up.cancelled():
                look_up.exception()  # all who waited may have gone

        look_up.add_done_callback(ended)
        return look_up

    async def _looked_up(self, name: str, family: socket.AddressFamily) -> list[_Address]:
        try:
            async with asyncio.timeout(self._rules.timeout.total_seconds()):
                found = await self._resolver.getaddrinfo(name, family, type=socket.SOCK_STREAM)
        except TimeoutError as err:
            raise NameUnresolved("no name server told the address in time") from err
        except aiodns.error.DNSError as err:
            unreadable = err.args[0] == pycares.errno.ARES_EBADNAME
            raise (NameUnreadable if unreadable else NameUnresolved)(err.args[1]) from err
        if not found.nodes:
            raise NameUnresolved("the name has no address")
        return [(socket.AddressFamily(node.family), node.addr[0].decode("ascii")) for node in found.nodes]
