"""Which Interactions Discord has shown to know, by nonce."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from midway.discord.event import (
    Event,
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    MessageCreated,
    ModalOpened,
)
from midway.domain.ids import Nonce


class Acceptances:
    """Futures that end when an event carries the nonce they wait for."""

    def __init__(self) -> None:
        self._waiting: dict[Nonce, asyncio.Future[None]] = {}

    @contextmanager
    def expected(self, nonce: Nonce) -> Iterator[asyncio.Future[None]]:
        """Give a future that ends with the first event of this nonce. Enter before sending: the event may be first."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[nonce] = future
        try:
            yield future
        finally:
            del self._waiting[nonce]

    def observe(self, event: Event) -> None:
        """Take note of an event; most prove nothing."""
        nonce = nonce_of(event)
        future = self._waiting.get(nonce) if nonce else None
        if future and not future.done():
            future.set_result(None)


def nonce_of(event: Event) -> Nonce | None:
    """Return the nonce that an event carries. A failure counts, too: Discord took what the bot then failed at."""
    match event:
        case InteractionCreated() | InteractionSucceeded() | InteractionFailed() | ModalOpened() | IframeOpened():
            return event.nonce
        case MessageCreated():
            return event.message.nonce
        case _:
            return None
