"""Ids, each with a type of its own, so that mypy finds mix-ups."""

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
Nonce = NewType("Nonce", str)  # decimal, at most 25 characters; made by us, never reused
RequestId = NewType("RequestId", str)
Revision = NewType("Revision", int)

# A JobId in links and in people's input, in any case.
JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DISCORD_EPOCH_MS = 1_420_070_400_000
NONCE_TIME_SHIFT = 22  # Discord snowflakes keep the time above bit 22


def notice_id(task_id: TaskId, revision: Revision) -> str:
    """Return the id of a change's webhook notice; the same at every delivery attempt and after every restart."""
    return f"msg_{task_id}_{revision}"


def time_of_snowflake(snowflake: str) -> datetime:
    """Return when Discord created an id, by Discord's clock; aware, UTC. Source: the upper bits of an id are a time."""
    return datetime.fromtimestamp(((int(snowflake) >> NONCE_TIME_SHIFT) + DISCORD_EPOCH_MS) / 1000, UTC)


class Sequence:
    """Generates strictly increasing numbers that are never below a floor derived from the clock."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = threading.Lock()

    def go_on_after(self, last: int) -> None:
        """Generate only numbers above this one."""
        with self._lock:
            self._last = max(self._last, last)

    def next(self, floor: int) -> int:
        """Return `floor` or the number after the last one, whichever is larger."""
        with self._lock:
            self._last = max(self._last + 1, floor)
            return self._last


class TaskIds:
    """Makes Task ids that never collide, even across restarts if given the last stored one."""

    def __init__(self, last: TaskId | None = None) -> None:
        self._sequence = Sequence(int(last) if last else 0)

    def go_on_after(self, last: TaskId | None) -> None:
        """Make only ids above the last stored one."""
        self._sequence.go_on_after(int(last) if last else 0)

    def next(self) -> TaskId:
        """Return a new id: the current millisecond times 1000, or one more than the last id."""
        return TaskId(str(self._sequence.next(time.time_ns() // 1_000_000 * 1000)))


class Nonces:
    """Makes nonces in the format of Discord snowflakes; strictly increasing, so concurrent calls never share one.

    The bits below the time start at a random value in each run: after the wall clock is set back, a millisecond occurs
    again, but a nonce of an earlier run must not.
    Source: discord.py-self 2.1.0 makes nonces from milliseconds only; two calls in one millisecond collide.
    """

    def __init__(self) -> None:
        self._sequence = Sequence()
        self._run = secrets.randbits(NONCE_TIME_SHIFT)

    def next(self) -> Nonce:
        """Return a new nonce, greater than those of earlier runs unless the clock was set back."""
        milliseconds = time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS
        return Nonce(str(self._sequence.next((milliseconds << NONCE_TIME_SHIFT) + self._run)))
