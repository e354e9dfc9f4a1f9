"""The operator's list of words that prompts must not contain."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_COMMENT = re.compile(r"(^|\s)#.*")
_NOTHING = re.compile(r"(?!)")

_Signature = tuple[int, int, int, int]


class BannedListUnreadable(Exception):
    """The list cannot be read at the start; the operator corrects the file or the setting."""


class BannedWords:
    """Words and phrases from a file, one per line, with `#` comments; reloaded when the file changes.

    Without a file nothing is banned. When the file becomes unreadable, the last list that was read stays in force.
    """

    def __init__(self, path: Path | None) -> None:
        """Read the list. Raises BannedListUnreadable; starting without the list would allow every prompt."""
        self._path = path
        self._pattern = _NOTHING
        self._seen: _Signature | None = None
        self._is_readable = True
        if path:
            self._seen = _signature(path)
            self._read_first(path)

    def _read_first(self, path: Path) -> None:
        try:
            self._pattern = _pattern_from_file(path)
        except (OSError, UnicodeDecodeError) as err:
            raise BannedListUnreadable(f"{path}: {err}") from err

    def find(self, prompt: str) -> str | None:
        """Return the first banned word as the prompt spells it, or None.

        Matches whole words, ignoring case; a phrase's spaces match any white space.
        """
        if self._path:
            self._refresh(self._path)
        found = self._pattern.search(prompt)
        return found[0] if found else None

    def _refresh(self, path: Path) -> None:
        signature = _signature(path)
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._pattern = _pattern_from_file(path)
        except (OSError, UnicodeDecodeError) as err:
            if self._is_readable:
                log.warning("banned words: the list cannot be read; the last good one stays in force", error=str(err))
            self._is_readable = False
        else:
            log.info("banned words: the list was reloaded")
            self._is_readable = True


def _signature(path: Path) -> _Signature | None:
    """Return what identifies this version of the file without reading it; None when there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def _pattern_from_file(path: Path) -> re.Pattern[str]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return _pattern(word for line in lines if (word := _COMMENT.sub("", line).strip()))


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    # Longest first, so that of two words that match at the same position the longer one is reported.
    alternatives = "|".join(_word_pattern(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(alternatives, re.IGNORECASE) if alternatives else _NOTHING


def _word_pattern(word: str) -> str:
    body = r"\s+".join(re.escape(part) for part in word.split())
    return ("" if _is_unspaced(word[0]) else r"(?<!\w)") + body + ("" if _is_unspaced(word[-1]) else r"(?!\w)")


def _is_unspaced(character: str) -> bool:
    """Tell whether its script has no blanks between words (Chinese, kana), so that whole words cannot be recognised."""
    return unicodedata.east_asian_width(character) in "WF"
