"""Faults at the point where an event leaves for an account's sessions (Sessions.emit)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from discord_simulator.sessions import Event, EventFault, Sessions


@dataclass(kw_only=True)
class EventLost(EventFault):
    """The event never comes: seen with INTERACTION_SUCCESS and with final messages during Discord's incidents."""

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Drop the event before it gets a sequence number, so that no RESUME brings it back."""


@dataclass(kw_only=True)
class EventDuplicated(EventFault):
    """The event comes twice: under two numbers when Discord fans out again, under one after a doubtful RESUME."""

    same_sequence: bool = False

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Deliver the event, then again."""
        sessions.deliver(event)
        if not self.same_sequence:
            sessions.deliver(event)
            return
        for session in sessions.receivers(event):
            session.repeat_last()


@dataclass(kw_only=True)
class EventDelayed(EventFault):
    """The event comes `bot_seconds` late: a backlog in one of Discord's guild processes."""

    bot_seconds: float = 5.0

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Deliver the event later."""
        sessions.clock.call_later(self.bot_seconds, sessions.deliver, event)


@dataclass(kw_only=True)
class EventReordered(EventFault):
    """The event comes after the next one named `until`: interaction and message events take different ways.

    That one is of the same account and about the same message, job or interaction (Event.is_akin). Without it the
    event comes after `bot_seconds`.
    """

    until: str = "MESSAGE_CREATE"
    bot_seconds: float = 60.0

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Keep the event back."""
        sessions.hold(event, until=self.until, bot_seconds=self.bot_seconds)


@dataclass(kw_only=True)
class FieldsMissing(EventFault):
    """The event lacks fields: Discord has sent start messages without nonce and without interaction_metadata."""

    fields: list[str] = field(default_factory=lambda: ["nonce"])

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Deliver the event without these fields."""
        kept = {key: value for key, value in event.data.items() if key not in self.fields}
        sessions.deliver(replace(event, data=kept))


@dataclass(kw_only=True)
class FieldsChanged(EventFault):
    """The event has other values than usual: a new message type, an empty content, a nonce on the final message."""

    values: dict[str, Any] = field(default_factory=dict)

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Deliver the event with these values."""
        sessions.deliver(replace(event, data=event.data | self.values))
