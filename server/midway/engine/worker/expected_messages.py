"""Messages that somebody waits for outside any Task: the seed conversation in a direct-message channel."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from midway.discord.event import Message

Expected = Callable[[Message], bool]


class ExpectedMessages:
    """Hands each message to those who expect one like it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Expected, asyncio.Future[Message]]] = []

    @contextmanager
    def expect(self, expected: Expected) -> Iterator[asyncio.Future[Message]]:
        """Give a future of the first message that fits; begin before asking for it, so that none is missed."""
        entry = (expected, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            yield entry[1]
        finally:
            self._waiting.remove(entry)
            entry[1].cancel()

    def offer(self, message: Message) -> None:
        """Show a message to all who wait."""
        for expected, future in self._waiting:
            if not future.done() and expected(message):
                future.set_result(message)
