"""Gateway intents: which events a session receives, and which parts of a message.

Source: discord-userdoccers, using-gateway. Bots name them since v8; a user who names none receives everything.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Any

from .json_types import Json
from .users import User

REQUIRED_SINCE = 8  # version of the gateway


class Intent(IntFlag):
    """The bits that the simulator's events fall under, and the privileged ones."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


ALL = (1 << 29) - 1  # bits that Discord has given a meaning
PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
CONTENT: Json = {"content": "", "embeds": [], "attachments": [], "components": []}  # as shown without MESSAGE_CONTENT

# By the beginning of an event's name: what it falls under with a `guild_id`, and without. All else is for users.
_TABLE: tuple[tuple[str, Intent, Intent], ...] = (
    ("MESSAGE_REACTION_", Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES),
    ("TYPING_START", Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING),
    ("CHANNEL_", Intent.GUILDS, Intent.GUILDS),
    ("GUILD_MEMBER_", Intent.GUILD_MEMBERS, Intent.GUILD_MEMBERS),
    ("GUILD_CREATE", Intent.GUILDS, Intent.GUILDS),
)


def are_valid(value: object) -> bool:
    """Tell whether IDENTIFY's `intents` is a number of known bits."""
    return isinstance(value, int) and 0 <= value <= ALL


def seen(name: str, data: Json, intents: int | None, viewer: User) -> Json | None:
    """Return an event's data as a session with these intents sees it; None if it does not receive it."""
    if intents is None:
        if not viewer.bot:
            return data
        intents = ALL
    needed = _needed(name, in_guild="guild_id" in data)
    if needed is None:
        return None if viewer.bot else data
    if not intents & needed:
        return None
    if intents & Intent.MESSAGE_CONTENT or not name.startswith("MESSAGE_") or "guild_id" not in data:
        return data
    return _without_content(data, viewer)


def _needed(name: str, *, in_guild: bool) -> Intent | None:
    return next((guild if in_guild else direct for start, guild, direct in _TABLE if name.startswith(start)), None)


def _without_content(message: Json, viewer: User) -> Json:
    """Empty what others wrote, unless it mentions the viewer; in a message that it answers, too."""
    shown = dict(message)
    if isinstance(parent := message.get("referenced_message"), dict):
        shown["referenced_message"] = _without_content(parent, viewer)
    concerned: list[Any] = [message.get("author") or {}, *message.get("mentions", [])]
    if viewer.id in {user.get("id") for user in concerned}:
        return shown
    return shown | {key: empty for key, empty in CONTENT.items() if key in message}
