"""Gateway sessions: who is connected, what was sent to them, what a RESUME replays."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from .capabilities import Capability
from .clock import Clock
from .entities import Account
from .fault import Fault, Faults
from .intents import seen
from .journal import Journal
from .json_types import Json

DISPATCH = 0  # gateway opcode
MAX_ABANDONED = 4  # sessions without a socket kept for RESUME, per account


@dataclass(frozen=True)
class Event:
    """One dispatch to an account's sessions, or to one of them only.

    What names a guild goes to the sessions of the account's listener, too.
    """

    name: str
    account: Account
    data: Json
    session_id: str | None = None  # modal, iframe and interaction events name one
    job_id: str | None = None  # for the journal

    @property
    def message_id(self) -> str | None:
        """The message that the event is about, if it is about one."""
        if not self.name.startswith("MESSAGE_"):
            return None
        return self.data.get("message_id") or self.data.get("id")

    def is_akin(self, other: Event) -> bool:
        """Tell whether both are of one account and about the same message, job or interaction."""
        return self.account is other.account and not self._subjects.isdisjoint(other._subjects)

    @property
    def _subjects(self) -> set[str]:
        """The ids of the message or interaction, of the interaction that the message answers, and of the job."""
        answered = self.data.get("interaction_metadata")
        answered_id = answered.get("id") if isinstance(answered, dict) else None
        ids = (self.message_id or self.data.get("id"), answered_id, self.job_id)
        return {str(each) for each in ids if each}


@dataclass(frozen=True, eq=False)
class Held:
    """An event that a fault keeps back until an akin one named `until` was sent."""

    event: Event
    until: str

    def waits_for(self, event: Event) -> bool:
        """Tell whether this event lets it go."""
        return event.name == self.until and event.is_akin(self.event)


class Connection(Protocol):
    """The socket that a session has at the moment."""

    def push(self, payload: Json) -> None:
        """Queue a payload for sending."""

    def close(self, code: int) -> None:
        """Close after what is queued; 1006 aborts the TCP connection at once."""


@dataclass(eq=False)
class Session:
    """One IDENTIFY: it outlives its sockets, until it is invalidated."""

    id: str
    account: Account
    buffer: deque[Json]
    capabilities: Capability = Capability.NONE
    intents: int | None = None  # None = all
    sequence: int = 0
    connection: Connection | None = None

    def hear(self, name: str, data: Json) -> None:
        """Send what the session's intents let through of an event."""
        shown = seen(name, data, self.intents, self.account.user)
        if shown is not None:
            self.send(name, shown)

    def send(self, name: str, data: Json) -> None:
        """Number an event, keep it for RESUME and push it if a socket is there."""
        self.sequence += 1
        payload: Json = {"op": DISPATCH, "s": self.sequence, "t": name, "d": data}
        self.buffer.append(payload)
        self.push(payload)

    def push(self, payload: Json) -> None:
        """Push something that has no number and is not kept for RESUME."""
        if self.connection:
            self.connection.push(payload)

    def repeat_last(self) -> None:
        """Push the latest event again under its old number."""
        if self.buffer:
            self.push(self.buffer[-1])

    def close(self, code: int) -> None:
        """Close the socket, if there is one."""
        if self.connection:
            self.connection.close(code)

    def can_replay(self, after: int) -> bool:
        """Tell whether the buffer still holds every event after this sequence number."""
        return after <= self.sequence <= after + len(self.buffer)

    def missed(self, after: int) -> list[Json]:
        """List the kept events with a higher sequence number."""
        return [payload for payload in self.buffer if payload["s"] > after]


@dataclass(eq=False)
class Sessions:
    """All sessions, and the only path by which events reach them."""

    faults: Faults
    journal: Journal
    clock: Clock
    by_id: dict[str, Session] = field(default_factory=dict)
    _by_account: dict[Account, list[Session]] = field(default_factory=dict)  # oldest first
    _held: list[Held] = field(default_factory=list)  # oldest first

    def open(
        self,
        session_id: str,
        account: Account,
        buffer_size: int,
        *,
        capabilities: Capability = Capability.NONE,
        intents: int | None = None,
    ) -> Session:
        """Start a session, still without a socket; forget the account's oldest abandoned ones."""
        abandoned = [session for session in self.of(account) if session.connection is None]
        for session in abandoned[:-MAX_ABANDONED]:
            self.invalidate(session)
        session = self.by_id[session_id] = Session(
            session_id, account, deque(maxlen=buffer_size), capabilities, intents
        )
        self._by_account.setdefault(account, []).append(session)
        return session

    def invalidate(self, session: Session) -> None:
        """Forget a session: a later RESUME of it is refused."""
        if self.by_id.pop(session.id, None):
            self._by_account[session.account].remove(session)

    def of(self, account: Account) -> list[Session]:
        """List an account's sessions, oldest first."""
        return list(self._by_account.get(account, ()))

    def emit(self, event: Event) -> None:
        """Send an event to whom it concerns, unless an armed fault does something else with it."""
        fault = self.faults.take(EventFault, event.account.number, event=event)
        if fault is None:
            self.deliver(event)
        else:
            self.journal.write("fault", event.account, fault=type(fault).__name__, event=event.name)
            fault.apply(event, self)

    def deliver(self, event: Event) -> None:
        """Send an event past the faults, then those that a fault held back until this one."""
        self._record(event)
        for session in self.receivers(event):
            session.hear(event.name, event.data)
        for held in [held for held in self._held if held.waits_for(event)]:
            self._let_go(held)

    def hold(self, event: Event, *, until: str, bot_seconds: float) -> None:
        """Keep an event back until an akin one of the other name was delivered, or the time is over."""
        held = Held(event, until)
        self._held.append(held)
        self.clock.call_later(bot_seconds, self._let_go, held)

    def _let_go(self, held: Held) -> None:
        if held in self._held:
            self._held.remove(held)
            self.deliver(held.event)

    def clear(self) -> None:
        """Drop what is held back; sessions and their sockets stay."""
        self._held.clear()

    def receivers(self, event: Event) -> list[Session]:
        """List the sessions that an event concerns."""
        listener = event.account.present_listener if "guild_id" in event.data else None
        listening = self.of(listener) if listener else []
        return [s for s in self.of(event.account) if event.session_id in (None, s.id)] + listening

    def _record(self, event: Event) -> None:
        self.journal.write(
            "event",
            event.account,
            event=event.name,
            message_id=event.message_id,
            job_id=event.job_id,
            nonce=event.data.get("nonce"),
            content=event.data.get("content"),
        )


@dataclass(kw_only=True)
class EventFault(Fault, ABC):
    """Picks events by name and, where `content` is given, by a regular expression found in the message's text."""

    event: str
    content: str = ""

    def __post_init__(self) -> None:
        re.compile(self.content)  # a wrong pattern is refused when the fault is posted, not when it should happen

    def matches(self, event: Event) -> bool:
        """Tell whether this is the event meant."""
        return event.name == self.event and bool(re.search(self.content, str(event.data.get("content", "")), re.DOTALL))

    @abstractmethod
    def apply(self, event: Event, sessions: Sessions) -> None:
        """Do to the event what the fault is for."""


@dataclass(kw_only=True)
class SocketFault(EventFault, ABC):
    """Something that happens to every session of an account."""

    event: str = ""  # "" = at once

    def apply(self, event: Event, sessions: Sessions) -> None:
        """Strike the sockets, then send the event that set the fault off."""
        self.strike_all(sessions.of(event.account), sessions)
        sessions.deliver(event)

    def strike_all(self, struck: list[Session], sessions: Sessions) -> None:
        """Strike each, and forget those that Discord would not let resume."""
        for session in struck:
            self.strike(session)
            if self.ends_session:
                sessions.invalidate(session)

    @property
    def ends_session(self) -> bool:
        return False

    @abstractmethod
    def strike(self, session: Session) -> None:
        """Do to one session what the fault is for."""
