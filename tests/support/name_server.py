"""A name server on loopback that knows a few names and never says anything about the others."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

_A = 1
_HEADER = struct.Struct(">HHHHHH")  # RFC 1035: id, flags, and how many questions, answers, authorities, others
_ANSWER = 0x8180  # a response, recursion desired and available
_RECORD = struct.Struct(">HHHIH")  # a pointer to the name in the question, type, class, TTL, length


class SilentNameServer(asyncio.DatagramProtocol):
    """Answers for the names in `known` (name -> IPv4 address); whoever asks for another one waits for ever."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self.asked: list[str] = []  # each question's name, in order; two for a name of which both kinds are wanted
        self._waiting: list[tuple[bytes, tuple[str, int]]] = []  # questions that were not answered
        self._news = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport

    @classmethod
    @asynccontextmanager
    async def running(cls, known: dict[str, str] | None = None) -> AsyncIterator[Self]:
        """Listen on a free port of loopback."""
        server = cls(known or {})
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
        try:
            yield server
        finally:
            transport.close()

    @property
    def address(self) -> str:
        """Where it listens, as MIDWAY_DNS_SERVERS has it."""
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    async def until_asked_for(self, names: set[str]) -> None:
        """Return when each of these names was asked for."""
        async with self._news:
            await self._news.wait_for(lambda: names <= set(self.asked))

    async def until_asked(self, times: int) -> None:
        """Return when so many questions have come."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.asked) >= times)

    async def until_asked_for_many(self, prefix: str, count: int) -> None:
        """Return when so many names that begin so were asked for."""
        async with self._news:
            await self._news.wait_for(lambda: len({name for name in self.asked if name.startswith(prefix)}) >= count)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # asyncio's base class knows every transport
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind = _question(data)
        self.asked.append(name)
        task = asyncio.create_task(self._tell(), name="a name was asked for")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        if name in self.known:
            self._transport.sendto(_answer(data, self.known[name] if kind == _A else None), addr)
        else:
            self._waiting.append((data, addr))

    def answer_late(self, name: str, address: str) -> None:
        """Answer those who asked for this name, and who will."""
        self.known[name] = address
        waiting, self._waiting = self._waiting, []
        for data, addr in waiting:
            if _question(data)[0] == name:
                self._transport.sendto(_answer(data, address if _question(data)[1] == _A else None), addr)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _question(data: bytes) -> tuple[str, int]:
    labels, at = [], _HEADER.size
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3], "big")


def _answer(query: bytes, address: str | None) -> bytes:
    """Make the answer to a query: this address, or that the name has none of the kind."""
    end = query.index(b"\0", _HEADER.size) + 5  # of the question; what may follow (EDNS) is not repeated
    head = _HEADER.pack(int.from_bytes(query[:2], "big"), _ANSWER, 1, 1 if address else 0, 0, 0)
    answer = head + query[_HEADER.size : end]
    if address:
        answer += _RECORD.pack(0xC000 | _HEADER.size, _A, 1, 60, 4) + bytes(map(int, address.split(".")))
    return answer
