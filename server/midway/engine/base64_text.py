"""Base64 as clients write it: URL-safe, unpadded, in lines, percent-encoded, or with its `+` lost on the way."""

import base64
import re
from urllib.parse import unquote

_LINE_BREAKS = re.compile(r"[^\S ]+")  # every white space but the blank
_BLANKS = re.compile(" +")
_URL_SAFE = str.maketrans("-_", "+/")
_NEVER_LOST = re.compile(r"[-_+]")  # a text with one of them has not lost its `+`
SHORTEST_LINE = 16  # characters, of a text that is laid out in lines


def characters_from(text: str) -> str:
    """Return the base64 characters of a text in the usual alphabet, without padding. What is none of them stays."""
    return _with_plus(_LINE_BREAKS.sub("", unquote(text)).lstrip()).translate(_URL_SAFE).rstrip("=")


def bytes_from(characters: str) -> bytes:
    """Decode characters without padding. Raises ValueError."""
    return base64.b64decode(characters + "=" * (-len(characters) % 4), validate=True)


def _with_plus(text: str) -> str:
    """Put each `+` back that a form's decoding made a blank; drop blanks that only lay the text out.

    Blanks at even distances may be layout. The length tells, as base64 is padded to a multiple of four; where it does
    not, they are. Any others are none, as nobody lays a text out like that, unless no base64 has such a length.
    """
    if text.rstrip().endswith("="):
        text = text.rstrip()
    dense = text.replace(" ", "")
    if len(dense) == len(text) or _NEVER_LOST.search(dense):
        return dense
    mended = text.replace(" ", "+")
    if not (text.endswith("=") or _is_in_lines(text)):
        return dense if len(text) % 4 == 1 else mended
    if _is_padded(dense) is not _is_padded(text):
        return dense if _is_padded(dense) else mended
    return dense if _is_in_lines(text) else mended


def _is_padded(text: str) -> bool:
    return len(text) % 4 == 0


def _is_in_lines(text: str) -> bool:
    *lines, _last = _BLANKS.split(text.rstrip())
    widths = set(map(len, lines))
    return len(lines) > 1 and len(widths) == 1 and widths.pop() >= SHORTEST_LINE
