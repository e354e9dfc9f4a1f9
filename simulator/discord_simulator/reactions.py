"""Who put which emoji on a message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .json_types import Json
from .users import User

MAX_EMOJI_CHARACTERS = 32  # families and flags are several code points each
INFORMATION = "\N{INFORMATION SOURCE}"  # the one emoji that Unicode counts among the letters
_CUSTOM = re.compile(r"(?:(a):)?(\w{2,32}):(\d{1,20})", re.ASCII)


@dataclass(frozen=True)
class Emoji:
    """A character of Unicode's, or a picture that a server made."""

    name: str
    id: str | None = None

    def payload(self) -> Json:
        """Show the emoji as reactions do."""
        return {"id": self.id, "name": self.name}


def read_emoji(text: str) -> Emoji | None:
    """Read an emoji as addresses hold it: itself, or `name:id`; None when it is neither."""
    if custom := _CUSTOM.fullmatch(text):
        return Emoji(custom[2], custom[3])
    if not text.isascii() and len(text) <= MAX_EMOJI_CHARACTERS and not any(_is_no_part(c) for c in text):
        return Emoji(text)
    return None


def _is_no_part(character: str) -> bool:
    """Tell whether no emoji has this character; digits stand in keycaps."""
    return (
        (character.isalpha() and character != INFORMATION) or character.isspace() or "\ud800" <= character <= "\udfff"
    )


class Reactions(dict[Emoji, list[User]]):
    """The users of each emoji, in the order in which they came."""

    def add(self, emoji: Emoji, user: User) -> bool:
        """Put one on; False when it is there."""
        users = self.setdefault(emoji, [])
        if user in users:
            return False
        users.append(user)
        return True

    def take(self, emoji: Emoji, user: User) -> bool:
        """Take one off; False when it is not there."""
        users = self.get(emoji, [])
        if user not in users:
            return False
        users.remove(user)
        if not users:
            del self[emoji]
        return True

    def payload(self, viewer: User) -> list[Json]:
        """Show all as messages do; `me` is the viewer."""
        return [_payload(emoji, users, viewer) for emoji, users in self.items()]


def _payload(emoji: Emoji, users: list[User], viewer: User) -> Json:
    return {
        "emoji": emoji.payload(),
        "count": len(users),
        "count_details": {"normal": len(users), "burst": 0},
        "me": viewer in users,
        "me_burst": False,
        "burst_count": 0,
        "burst_me": False,
        "burst_colors": [],
    }
