"""Faults that strike live gateway sockets, at once or when a certain event is about to be sent.

With `event` the socket is struck first and the event sent after: a resumed session gets it by replay.
Without, World.inject strikes the sockets as soon as the fault is posted.
"""

from __future__ import annotations

from dataclasses import dataclass

from discord_simulator.sessions import Session, SocketFault

RECONNECT, INVALID_SESSION = 7, 9  # opcodes
ABORTED = 1006  # no close frame at all
UNRESUMABLE = frozenset(
    {1000, 1001, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014}
)  # the session ends with the socket


@dataclass(kw_only=True)
class SocketDropped(SocketFault):
    """The TCP connection is gone without a close frame (1006): a router or a NAT table forgot it."""

    def strike(self, session: Session) -> None:
        """Abort the connection; the session can be resumed."""
        session.close(ABORTED)


@dataclass(kw_only=True)
class SocketClosed(SocketFault):
    """Discord closes with a code: 4000 unknown error, 4004 token revoked, 4009 timed out, 1001 restart."""

    code: int = 4000

    def strike(self, session: Session) -> None:
        """Close once everything before is sent."""
        session.close(self.code)

    @property
    def ends_session(self) -> bool:
        return self.code in UNRESUMABLE


@dataclass(kw_only=True)
class ReconnectAsked(SocketFault):
    """Opcode 7: Discord moves its gateway to another machine, as it does every few hours."""

    def strike(self, session: Session) -> None:
        """Ask; the client closes and resumes."""
        session.push({"op": RECONNECT, "s": None, "t": None, "d": None})


@dataclass(kw_only=True)
class SessionInvalidated(SocketFault):
    """Opcode 9: the session's process crashed; with `resumable` Discord says that a RESUME may still work."""

    resumable: bool = False

    def strike(self, session: Session) -> None:
        """Tell the client."""
        session.push({"op": INVALID_SESSION, "s": None, "t": None, "d": self.resumable})

    @property
    def ends_session(self) -> bool:
        return not self.resumable


@dataclass(kw_only=True)
class UnknownOpcode(SocketFault):
    """A payload with an opcode that no client knows: Discord introduces one without announcing it."""

    opcode: int = 99

    def strike(self, session: Session) -> None:
        """Send the payload."""
        session.push({"op": self.opcode, "s": None, "t": None, "d": {"new": True}})


@dataclass(kw_only=True)
class UnknownEvent(SocketFault):
    """A dispatch with a name that no client knows: Discord ships a feature."""

    def strike(self, session: Session) -> None:
        """Send the dispatch, numbered like any other."""
        session.send("SOMETHING_NEW_CREATE", {"id": session.id})
