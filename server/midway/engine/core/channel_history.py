"""Handles the messages of a read of the channel's history, to catch up on missed events."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import structlog

from midway.discord.event import Message
from midway.engine.core.applier import Applier
from midway.engine.core.effects import Outside
from midway.engine.core.listener import Guesses, Listener
from midway.engine.core.lookback import Lookback
from midway.engine.core.reading import Reading

T = TypeVar("T")
log = structlog.get_logger(__name__)


class ChannelHistory:
    """Reads, matches and applies the messages of the history. Owned by one core."""

    def __init__(self, listener: Listener, lookback: Lookback, applier: Applier) -> None:
        self._listener = listener
        self._lookback = lookback
        self._applier = applier

    def hear(self, messages: Sequence[Message] | None, limit: int, portion: int) -> Iterator[list[Outside]]:
        """Handle the messages, `portion` at a time; yield the effects after each. See `Core.history_read`."""
        if messages is None:
            self._lookback.not_read()
            return
        is_over = False
        try:
            readings: list[Reading] = []
            unreadable = 0
            for chunk in batched(messages, portion):
                read = [self._reading_of(message) for message in chunk]
                readings += [reading for reading in read if isinstance(reading, Reading)]
                unreadable += sum(isinstance(reading, Exception) for reading in read)
                yield []
            guesses: Guesses = {}
            for part in batched(readings, portion):
                self._listener.note_guesses(part, guesses)  # of all messages, before any is applied
                yield []
            in_doubt = self._listener.doubtful(guesses)
            unplaced: list[Reading] = []
            for part in batched(readings, portion):
                unplaced += [each for each in part if self._apply(each, in_doubt=each.message.id in in_doubt)]
                yield self._applier.handed_out()
            is_over = True
            oldest = messages[0] if len(messages) >= limit else None
            yield self._applier.follow(self._lookback.was_read(len(messages), oldest, None if unreadable else unplaced))
        finally:
            if not is_over:  # after a defect; otherwise the history would never be read again
                self._lookback.not_read()

    def _reading_of(self, message: Message) -> Reading | Exception | None:
        try:
            return self._listener.read(message)
        except Exception as error:  # supervised: one message must not stop the others from being handled
            log.exception("a message of the history could not be read", message_id=message.id)
            return error.with_traceback(None)

    def _apply(self, reading: Reading, *, in_doubt: bool) -> bool:
        """Apply a message of the history; tell whether it is about a job that matches no Attempt."""
        try:
            effects, is_unplaced = self._listener.read_again(reading, in_doubt=in_doubt)
            self._applier.apply(effects)
        except Exception:  # supervised, as above
            log.exception("a message of the history could not be handled", message_id=reading.message.id)
            return True
        return is_unplaced


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield slices of `size` items; the last one may be shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))
