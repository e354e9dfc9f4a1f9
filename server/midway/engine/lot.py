"""The parking lot: messages that match no Attempt yet, kept until a key is learnt or their time is over."""

from collections import deque
from datetime import timedelta

from msgspec import Struct

from midway.discord.event import Message


class Parked(Struct, frozen=True):
    """One message and when it came, by `time.monotonic`."""

    message: Message
    since: float


class ParkingLot:
    """Keeps unmatched messages in the order they came."""

    def __init__(self, park_time: timedelta, capacity: int) -> None:
        self._park_seconds = park_time.total_seconds()
        self._parked: deque[Parked] = deque(maxlen=capacity)

    def park(self, message: Message, now: float) -> None:
        """Keep a message for later."""
        self._parked.append(Parked(message, now))

    def take_all(self) -> list[Parked]:
        """Hand out everything kept, oldest first; the caller parks again what still matches nothing."""
        parked = list(self._parked)
        self._parked.clear()
        return parked

    def put_back(self, parked: Parked) -> None:
        """Keep a message on, with the time it first came."""
        self._parked.append(parked)

    def expired(self, now: float) -> list[Message]:
        """Remove and return the messages whose time is over."""
        gone = []
        while self._parked and self._parked[0].since + self._park_seconds <= now:
            gone.append(self._parked.popleft().message)
        return gone

    def wake_at(self) -> float | None:
        """Return when (monotonic) the oldest message's time is over."""
        return self._parked[0].since + self._park_seconds if self._parked else None
