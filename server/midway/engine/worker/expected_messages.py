"""Waits for messages that belong to no Task: Midjourney's answers about a seed, in the direct-message channel."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from midway.discord.event import Message

Expected = Callable[[Message], bool]


class ExpectedMessages:
    """Passes each message to the callers that expect one like it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Expected, asyncio.Future[Message]]] = []

    @contextmanager
    def expect(self, expected: Expected) -> Iterator[asyncio.Future[Message]]:
        """Yield a future of the first message that matches. Enter the context before asking, so that none is missed."""
        entry = (expected, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            yield entry[1]
        finally:
            self._waiting.remove(entry)
            entry[1].cancel()

    def offer(self, message: Message) -> None:
        """Pass a message to all waiting callers that it matches."""
        for expected, future in self._waiting:
            if not future.done() and expected(message):
                future.set_result(message)
