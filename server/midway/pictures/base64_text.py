"""Base64 as clients write it: URL-safe, unpadded, in lines, percent-encoded, or with its `+` lost on the way.

A text may have tens of megabytes. So nothing here makes an object for each of its lines or escapes, and whatever looks
at each character goes through it in pieces: one call on all of it would keep every other thread waiting.
"""

import binascii
from collections.abc import Iterator
from typing import AnyStr

# Only what base64 holds besides letters and digits is ever percent-encoded; any other escape makes it none.
_ESCAPED = tuple(
    (escape.encode(), bytes([int(escape[1:], 16)]))
    for code in ["2B", "2F", "3D", "2D", "5F", "20", "0A", "0D"]
    for escape in sorted({f"%{code}", f"%{code.lower()}"})
)
_LINE_BREAKS = b"\t\n\v\f\r"  # every white space but the blank
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANK_TO_PLUS = bytes.maketrans(b" ", b"+")
_NEVER_LOST = (b"-", b"_", b"+")  # a text with one of them has not lost its `+`
SHORTEST_LINE = 16  # characters, of a text that is laid out in lines
_WIDEST_GAP = 8  # blanks between two lines
_AT_ONCE = 1 << 18  # characters, a multiple of four: a few milliseconds at most


def stripped(text: str) -> str:
    """Return the text without the white space around it."""
    start = 0
    while start < len(text) and not (rest := text[start : start + _AT_ONCE].lstrip()):
        start += _AT_ONCE
    if start < len(text):
        start += min(_AT_ONCE, len(text) - start) - len(rest)
    return _rstripped(text[start:], None)


def characters_from(text: str) -> bytes:
    """Return the base64 characters of a text in the usual alphabet, without padding. What is none of them stays."""
    characters = b"".join(_unescaped(piece).translate(None, _LINE_BREAKS) for piece in _pieces_between_escapes(text))
    return _rstripped(_translated(_with_plus(characters.lstrip()), _URL_SAFE), b"=")


def bytes_from(characters: bytes) -> bytes:
    """Decode characters without padding. Raises ValueError."""
    whole = len(characters) // _AT_ONCE * _AT_ONCE
    rest = characters[whole:] + b"=" * (-len(characters) % 4)
    pieces = (characters[start : start + _AT_ONCE] for start in range(0, whole, _AT_ONCE))
    return b"".join(binascii.a2b_base64(piece, strict_mode=True) for piece in (*pieces, rest))


def _pieces_between_escapes(text: str) -> Iterator[str]:
    """Cut a text into pieces; no escape is cut in two."""
    start = 0
    while start < len(text):
        end = start + _AT_ONCE
        begun = text.rfind("%", end - 2, end)
        end = end if begun == -1 else begun
        yield text[start:end]
        start = end


def _unescaped(piece: str) -> bytes:
    characters = piece.encode("ascii", "replace")
    if b"%" in characters:
        for escape, meant in _ESCAPED:
            characters = characters.replace(escape, meant)
    return characters


def _with_plus(text: bytes) -> bytes:
    """Put each `+` back that a form's decoding made a blank; drop blanks that only lay the text out.

    Blanks at even distances may be layout. The length tells, as base64 is padded to a multiple of four; where it does
    not, they are. Any others are none, as nobody lays a text out like that, unless no base64 has such a length.
    """
    ended = _rstripped(text, b" ")
    if ended.endswith(b"="):
        text = ended
    dense = _translated(text, None, b" ")
    if len(dense) == len(text) or any(sign in dense for sign in _NEVER_LOST):
        return dense
    mended = _translated(text, _BLANK_TO_PLUS)
    if not (text.endswith(b"=") or _is_in_lines(ended)):
        return dense if len(text) % 4 == 1 else mended
    if _is_padded(dense) is not _is_padded(text):
        return dense if _is_padded(dense) else mended
    return dense if _is_in_lines(ended) else mended


def _is_padded(text: bytes) -> bool:
    return len(text) % 4 == 0


def _is_in_lines(text: bytes) -> bool:
    """Tell whether there are lines of one width with the same gap behind each; the last one may have any width."""
    width = text.find(b" ")
    if width < SHORTEST_LINE:
        return False
    widest = text[width : width + _WIDEST_GAP + 1]
    gap = len(widest) - len(widest.lstrip(b" "))
    blanks = len(text) - len(_translated(text, None, b" "))
    gaps = blanks // gap
    columns = (text[width + place :: width + gap][:gaps] for place in range(gap))
    return gap <= _WIDEST_GAP and gaps > 1 and blanks == gaps * gap and all(c == b" " * gaps for c in columns)


def _translated(text: bytes, table: bytes | None, dropped: bytes = b"") -> bytes:
    return b"".join(text[start : start + _AT_ONCE].translate(table, dropped) for start in range(0, len(text), _AT_ONCE))


def _rstripped(text: AnyStr, signs: AnyStr | None) -> AnyStr:
    end = len(text)
    while end and not (kept := text[max(end - _AT_ONCE, 0) : end].rstrip(signs)):
        end = max(end - _AT_ONCE, 0)
    return text[: max(end - _AT_ONCE, 0) + len(kept)] if end else text[:0]
