"""Base64 as clients write it: URL-safe, unpadded, in lines, percent-encoded, or with its `+` lost on the way.

A text may have tens of megabytes, so nothing here makes an object for each of its lines or escapes.
"""

import binascii
import re

# Only what base64 holds besides letters and digits is ever percent-encoded; any other escape makes it none.
_ESCAPED = tuple(
    (escape.encode(), bytes([int(escape[1:], 16)]))
    for code in ["2B", "2F", "3D", "2D", "5F", "20", "0A", "0D"]
    for escape in sorted({f"%{code}", f"%{code.lower()}"})
)
_LINE_BREAKS = b"\t\n\v\f\r"  # every white space but the blank
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NEVER_LOST = re.compile(rb"[-_+]")  # a text with one of them has not lost its `+`
SHORTEST_LINE = 16  # characters, of a text that is laid out in lines
_WIDEST_GAP = 8  # blanks between two lines
_DECODED_AT_ONCE = 1 << 20  # characters, a multiple of four: other threads get their turn in between


def characters_from(text: str) -> bytes:
    """Return the base64 characters of a text in the usual alphabet, without padding. What is none of them stays."""
    characters = text.encode("ascii", "replace")
    if b"%" in characters:
        for escape, meant in _ESCAPED:
            characters = characters.replace(escape, meant)
    characters = characters.translate(None, _LINE_BREAKS).lstrip()
    return _with_plus(characters).translate(_URL_SAFE).rstrip(b"=")


def bytes_from(characters: bytes) -> bytes:
    """Decode characters without padding. Raises ValueError."""
    whole = len(characters) // _DECODED_AT_ONCE * _DECODED_AT_ONCE
    rest = characters[whole:] + b"=" * (-len(characters) % 4)
    pieces = (characters[start : start + _DECODED_AT_ONCE] for start in range(0, whole, _DECODED_AT_ONCE))
    return b"".join(binascii.a2b_base64(piece, strict_mode=True) for piece in (*pieces, rest))


def _with_plus(text: bytes) -> bytes:
    """Put each `+` back that a form's decoding made a blank; drop blanks that only lay the text out.

    Blanks at even distances may be layout. The length tells, as base64 is padded to a multiple of four; where it does
    not, they are. Any others are none, as nobody lays a text out like that, unless no base64 has such a length.
    """
    if text.rstrip().endswith(b"="):
        text = text.rstrip()
    dense = text.replace(b" ", b"")
    if len(dense) == len(text) or _NEVER_LOST.search(dense):
        return dense
    mended = text.replace(b" ", b"+")
    if not (text.endswith(b"=") or _is_in_lines(text)):
        return dense if len(text) % 4 == 1 else mended
    if _is_padded(dense) is not _is_padded(text):
        return dense if _is_padded(dense) else mended
    return dense if _is_in_lines(text) else mended


def _is_padded(text: bytes) -> bool:
    return len(text) % 4 == 0


def _is_in_lines(text: bytes) -> bool:
    """Tell whether there are lines of one width with the same gap behind each; the last one may have any width."""
    text = text.rstrip()
    width, blanks = text.find(b" "), text.count(b" ")
    if width < SHORTEST_LINE:
        return False
    gap = len(text) - width - len(text[width:].lstrip(b" "))
    gaps = blanks // gap
    columns = (text[width + place :: width + gap][:gaps] for place in range(gap))
    return gap <= _WIDEST_GAP and gaps > 1 and blanks == gaps * gap and all(c == b" " * gaps for c in columns)
