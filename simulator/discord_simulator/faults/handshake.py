"""Faults of connecting: what the gateway does with a new socket, an IDENTIFY, a RESUME, a heartbeat."""

from __future__ import annotations

from dataclasses import dataclass

from ..fault import Fault


@dataclass(kw_only=True)
class ConnectionRefused(Fault):
    """The gateway answers the WebSocket handshake with an HTTP error: an outage. Use `times` for its length."""

    status: int = 503


@dataclass(kw_only=True)
class HelloDelayed(Fault):
    """HELLO comes late (wall seconds): an overloaded gateway node."""

    seconds: float = 1.0


@dataclass(kw_only=True)
class ReadyDelayed(Fault):
    """READY comes late (wall seconds): Discord loads a big account, or has just restarted."""

    seconds: float = 1.0


@dataclass(kw_only=True)
class ReadyHuge(Fault):
    """READY is many MB long: an account in a hundred large servers."""

    channels: int = 12_000


@dataclass(kw_only=True)
class IdentifyRefused(Fault):
    """IDENTIFY is answered by a close: 4004 for a revoked token, 4008 for too many tries, 4013 for bad intents."""

    code: int = 4004


@dataclass(kw_only=True)
class ResumeRefused(Fault):
    """RESUME is answered by opcode 9: the outage was longer than Discord keeps events."""


@dataclass(kw_only=True)
class HeartbeatUnanswered(Fault):
    """No opcode 11: a half-open connection; the client must notice by itself and reconnect."""


@dataclass(kw_only=True)
class FrameSplit(Fault):
    """One payload of a zlib-stream arrives in several binary frames: only the flush suffix marks its end."""

    pieces: int = 3
