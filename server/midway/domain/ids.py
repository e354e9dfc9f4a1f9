"""Identities, each its own type so that one is never passed for another."""

import re
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import NewType

TaskId = NewType("TaskId", str)  # 16 decimal digits: Unix milliseconds, then three digits; below 2**53
AccountId = NewType("AccountId", str)
ChannelId = NewType("ChannelId", str)  # a Discord snowflake, as the decimal string Discord uses in JSON
GuildId = NewType("GuildId", str)
MessageId = NewType("MessageId", str)
InteractionId = NewType("InteractionId", str)
UserId = NewType("UserId", str)
JobId = NewType("JobId", str)  # Midjourney's UUID of one job, lower case
Nonce = NewType("Nonce", str)  # decimal, at most 25 characters; ours, unique for ever
RequestId = NewType("RequestId", str)
Revision = NewType("Revision", int)

# A JobId as links and people write it.
JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DISCORD_EPOCH_MS = 1_420_070_400_000
NONCE_TIME_SHIFT = 22  # Discord snowflakes keep the time above bit 22


def notice_id(task_id: TaskId, revision: Revision) -> str:
    """Name the webhook notice of a change; the same at every try and after every restart."""
    return f"msg_{task_id}_{revision}"


def time_of_snowflake(snowflake: str) -> datetime:
    """Tell when Discord made an id, by its own clock; aware, UTC. Source: the upper bits of every id are its time."""
    return datetime.fromtimestamp(((int(snowflake) >> NONCE_TIME_SHIFT) + DISCORD_EPOCH_MS) / 1000, UTC)


class Sequence:
    """Hands out strictly increasing numbers that never fall behind a clock-derived floor."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = threading.Lock()

    def go_on_after(self, last: int) -> None:
        """Hand out no number up to this one."""
        with self._lock:
            self._last = max(self._last, last)

    def next(self, floor: int) -> int:
        """Return the larger of `floor` and the number after the last one."""
        with self._lock:
            self._last = max(self._last + 1, floor)
            return self._last


class TaskIds:
    """Makes Task ids that never collide, also across restarts when told the last one stored."""

    def __init__(self, last: TaskId | None = None) -> None:
        self._sequence = Sequence(int(last) if last else 0)

    def go_on_after(self, last: TaskId | None) -> None:
        """Make no id up to the last one stored."""
        self._sequence.go_on_after(int(last) if last else 0)

    def next(self) -> TaskId:
        """Return a new id: the present millisecond times 1000, or one more than the last id."""
        return TaskId(str(self._sequence.next(time.time_ns() // 1_000_000 * 1000)))


class Nonces:
    """Makes nonces shaped like Discord snowflakes; strictly increasing, so concurrent calls never share one.

    The bits below the time are chosen by chance at each start: where the wall clock was set back, a millisecond comes
    again, and a nonce of an earlier run must not.
    Source: discord.py-self 2.1.0 makes its own from milliseconds alone, and calls in one millisecond collide.
    """

    def __init__(self) -> None:
        self._sequence = Sequence()
        self._run = secrets.randbits(NONCE_TIME_SHIFT)

    def next(self) -> Nonce:
        """Return a new nonce; later than every nonce of an earlier run as long as the clock does not go back."""
        milliseconds = time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS
        return Nonce(str(self._sequence.next((milliseconds << NONCE_TIME_SHIFT) + self._run)))
