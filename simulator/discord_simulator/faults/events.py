"""Faults at the point where an event leaves for an account's sessions (Sessions.emit)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Fault

if TYPE_CHECKING:
    from ..sessions import Event, Sessions


@dataclass(kw_only=True)
class EventFault(Fault):
    """Picks events by name and, where `content` is given, by a regular expression found in the message text."""

    event: str
    content: str = ""

    def matches(self, event: Event) -> bool:
        """Say whether this is the event meant."""
        return event.name == self.event and bool(re.search(self.content, str(event.data.get("content", "")), re.DOTALL))

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Do to the event what the fault is for."""
        raise NotImplementedError


@dataclass(kw_only=True)
class LoseEvent(EventFault):
    """Discord never sends the event, as seen with INTERACTION_SUCCESS and final messages during its incidents."""

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Drop the event before it gets a sequence number."""
