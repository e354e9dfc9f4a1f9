"""Detects, by nonce, that Discord has accepted an Interaction."""

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
    """Futures that are set by the first event with their nonce."""

    def __init__(self) -> None:
        self._waiting: dict[Nonce, asyncio.Future[None]] = {}

    @contextmanager
    def expected(self, nonce: Nonce) -> Iterator[asyncio.Future[None]]:
        """Yield a future that the first event with this nonce sets. Enter before sending: the event may come first."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[nonce] = future
        try:
            yield future
        finally:
            del self._waiting[nonce]

    def observe(self, event: Event) -> None:
        """Set the future of the event's nonce, if there is one."""
        nonce = nonce_of(event)
        future = self._waiting.get(nonce) if nonce else None
        if future and not future.done():
            future.set_result(None)


def nonce_of(event: Event) -> Nonce | None:
    """Return the nonce of an event. A failure counts, too: Discord accepted the Interaction and then the bot failed."""
    match event:
        case InteractionCreated() | InteractionSucceeded() | InteractionFailed() | ModalOpened() | IframeOpened():
            return event.nonce
        case MessageCreated():
            return event.message.nonce
        case _:
            return None
