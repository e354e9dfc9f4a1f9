"""Base64 as clients write it: URL-safe, unpadded, in lines, percent-encoded, or with `+` turned into a blank.

A text may have tens of megabytes. So nothing here makes an object for each line or escape, and functions that look at
each character work in pieces: a call on all of it would hold the GIL for too long.
"""

import binascii
from collections.abc import Iterator
from typing import AnyStr

# The characters of base64 text that are ever percent-encoded: it has no others besides letters and digits. A text with
# any other escape is not base64.
_ESCAPED = tuple(
    (escape.encode(), bytes([int(escape[1:], 16)]))
    for code in ["2B", "2F", "3D", "2D", "5F", "20", "0A", "0D"]
    for escape in sorted({f"%{code}", f"%{code.lower()}"})
)
_LINE_BREAKS = b"\t\n\v\f\r"  # all white space except the blank
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANK_TO_PLUS = bytes.maketrans(b" ", b"+")
_PLUS_INTACT = (b"-", b"_", b"+")  # in a text with one of these, no `+` was turned into a blank
SHORTEST_LINE = 16  # characters; shorter runs between blanks are not lines
_WIDEST_GAP = 8  # blanks between two lines
_AT_ONCE = 1 << 18  # characters in a piece, a multiple of four; a few milliseconds at most


def stripped(text: str) -> str:
    """Return the text without the white space around it."""
    start = 0
    while start < len(text) and not (rest := text[start : start + _AT_ONCE].lstrip()):
        start += _AT_ONCE
    if start < len(text):
        start += min(_AT_ONCE, len(text) - start) - len(rest)
    return _rstripped(text[start:], None)


def characters_from(text: str) -> bytes:
    """Return the base64 characters of a text in the standard alphabet, without padding. Invalid characters stay."""
    characters = b"".join(_unescaped(piece).translate(None, _LINE_BREAKS) for piece in _pieces_between_escapes(text))
    return _rstripped(_translated(_with_plus(characters.lstrip()), _URL_SAFE), b"=")


def bytes_from(characters: bytes) -> bytes:
    """Decode base64 characters without padding. Raises ValueError."""
    whole = len(characters) // _AT_ONCE * _AT_ONCE
    rest = characters[whole:] + b"=" * (-len(characters) % 4)
    pieces = (characters[start : start + _AT_ONCE] for start in range(0, whole, _AT_ONCE))
    return b"".join(binascii.a2b_base64(piece, strict_mode=True) for piece in (*pieces, rest))


def _pieces_between_escapes(text: str) -> Iterator[str]:
    """Cut a text into pieces, never within a percent escape."""
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
    """Turn blanks back into `+` where form decoding made them from it; remove blanks that are layout.

    Blanks at regular distances may be layout. Then the length decides, as padded base64 has a multiple of four
    characters; where it does not decide, they are layout. Blanks at irregular distances were `+`, unless no base64 text
    can have that length.
    """
    without_trailing = _rstripped(text, b" ")
    if without_trailing.endswith(b"="):
        text = without_trailing
    without_blanks = _translated(text, None, b" ")
    if len(without_blanks) == len(text) or any(sign in without_blanks for sign in _PLUS_INTACT):
        return without_blanks
    with_plus = _translated(text, _BLANK_TO_PLUS)
    if not (text.endswith(b"=") or _is_in_lines(without_trailing)):
        return without_blanks if len(text) % 4 == 1 else with_plus
    if _is_padded(without_blanks) is not _is_padded(text):
        return without_blanks if _is_padded(without_blanks) else with_plus
    return without_blanks if _is_in_lines(without_trailing) else with_plus


def _is_padded(text: bytes) -> bool:
    return len(text) % 4 == 0


def _is_in_lines(text: bytes) -> bool:
    """Tell whether the text is in lines of equal width, separated by equal gaps; the last line may be of any width."""
    width = text.find(b" ")
    if width < SHORTEST_LINE:
        return False
    widest = text[width : width + _WIDEST_GAP + 1]
    gap = len(widest) - len(widest.lstrip(b" "))
    blanks = len(text) - len(_translated(text, None, b" "))
    gaps = blanks // gap
    columns = (text[width + offset :: width + gap][:gaps] for offset in range(gap))
    return gap <= _WIDEST_GAP and gaps > 1 and blanks == gaps * gap and all(c == b" " * gaps for c in columns)


def _translated(text: bytes, table: bytes | None, dropped: bytes = b"") -> bytes:
    return b"".join(text[start : start + _AT_ONCE].translate(table, dropped) for start in range(0, len(text), _AT_ONCE))


def _rstripped(text: AnyStr, signs: AnyStr | None) -> AnyStr:
    end = len(text)
    while end and not (kept := text[max(end - _AT_ONCE, 0) : end].rstrip(signs)):
        end = max(end - _AT_ONCE, 0)
    return text[: max(end - _AT_ONCE, 0) + len(kept)] if end else text[:0]
