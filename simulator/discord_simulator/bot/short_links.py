"""The bot's link shortener: a picture's address becomes `https://s.mj.run/` and eleven characters."""

from __future__ import annotations

import string
from random import Random

SHORT_PREFIX = "https://s.mj.run/"
CODE_LENGTH = 11  # characters
CODE_ALPHABET = string.ascii_letters + string.digits + "-_"


class ShortLinks:
    """Both directions of the link shortener; a short link that is used in a prompt again is unchanged."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._long_by_short: dict[str, str] = {}

    def shorten(self, url: str) -> str:
        """Make a new, unpredictable short link; the same address gets another one each time."""
        if url.startswith(SHORT_PREFIX):
            return url
        short = SHORT_PREFIX + "".join(self._random.choices(CODE_ALPHABET, k=CODE_LENGTH))
        self._long_by_short[short] = url
        return short

    def resolve(self, url: str) -> str:
        """Return the target of a short link; any other link is returned unchanged."""
        return self._long_by_short.get(url, url)

    def clear(self) -> None:
        """Forget every short link."""
        self._long_by_short.clear()
