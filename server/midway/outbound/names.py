"""Resolves names with c-ares, which blocks no thread, so that a name that never resolves delays no other.

The event loop's own getaddrinfo runs in a thread pool (uvloop's has two threads), and every connection of aiohttp
passes through that pool, even one to a literal address. So all names of outgoing HTTP are resolved here instead.
c-ares reads /etc/hosts and /etc/resolv.conf, and caches answers for their TTL.
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

# c-ares waits this part of the time-out for a server's first answer, and twice as long at each further try. If only one
# of the A and AAAA queries was answered by the end of the first try, it returns that one's addresses.
_FIRST_TRY = 0.25
_TRIES = 4
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

_Address = tuple[socket.AddressFamily, str]
_Key = tuple[str, socket.AddressFamily]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRules:
    """How names are resolved; the settings fill it."""

    timeout: timedelta = timedelta(seconds=5)  # for the whole look-up of one name
    servers: tuple[str, ...] = ()  # name servers as `host:port`; empty: the system's


class NameUnresolved(OSError):
    """The name has no address, or no server answered in time. An OSError without errno, as aiohttp expects."""


class NameUnreadable(NameUnresolved):
    """The name is not valid in DNS; trying again does not help."""


class Names(AbstractResolver):
    """aiohttp's resolver for all outgoing HTTP of a process. Use as an async context manager; it owns its sockets.

    Concurrent calls for the same name share one look-up.
    """

    def __init__(self, rules: NameRules | None = None) -> None:
        self._rules = rules or NameRules()
        self._under_way: dict[_Key, asyncio.Task[list[_Address]]] = {}
        self._resolver: aiodns.DNSResolver

    async def __aenter__(self) -> Self:
        """Open; no query is sent yet."""
        seconds = self._rules.timeout.total_seconds()
        self._resolver = aiodns.DNSResolver(self._rules.servers or None, timeout=seconds * _FIRST_TRY, tries=_TRIES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the look-ups, and close the sockets."""
        await self.close()

    async def close(self) -> None:
        """Cancel the look-ups, and close the sockets."""
        under_way = list(self._under_way.values())
        for look_up in under_way:
            look_up.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._resolver.close()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, in order of preference. Raises NameUnresolved."""
        # A trailing dot marks an absolute name; with it, c-ares would query a server even for `localhost.`.
        key = (host.rstrip(".") if is_loopback_as_written(host) else host, family)
        look_up = self._under_way.get(key) or self._start(key)
        addresses = await asyncio.shield(look_up)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC)
            for kind, address in addresses
        ]

    def _start(self, key: _Key) -> asyncio.Task[list[_Address]]:
        look_up = self._under_way[key] = asyncio.create_task(self._looked_up(*key), name="look-up of a name")

        def ended(look_up: asyncio.Task[list[_Address]]) -> None:
            del self._under_way[key]
            if not look_up.cancelled():
                look_up.exception()  # mark it as retrieved: all callers may have been cancelled

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
