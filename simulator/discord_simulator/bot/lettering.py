"""Text in any script: each character in the first font that has it.

Noto Sans has Latin, Greek and Cyrillic, Noto Sans CJK Chinese, Japanese and Korean, Noto Emoji emoji as outlines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import groupby

from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont

LATIN, CJK, EMOJI = range(3)  # in the order in which they are tried
PACKAGED = {
    LATIN: ("manimgx_fonts", "NotoSans[wght].ttf"),
    CJK: ("noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf"),
    EMOJI: ("manimgx_fonts", "NotoEmoji[wght].ttf"),
}
PROBE_SIZE = 16.0  # pixels, at which glyphs are compared
IN_NO_FONT = "\U0010fffd"  # a private character: what a font shows for it is what it shows for all it lacks
JOINERS = "\u200d\ufe0e\ufe0f" + "".join(map(chr, range(0x1F3FB, 0x1F400)))  # they change the emoji before them
FONTS_KEPT, FACES_KEPT = 32, 4096  # an open file each; a number each


@lru_cache(maxsize=FONTS_KEPT)
def font(face: int, size: float) -> Font:
    """Load LATIN, CJK or EMOJI at a size in pixels."""
    package, name = PACKAGED[face]
    with as_file(files(package) / name) as path:
        return ImageFont.truetype(path, size)


@lru_cache(maxsize=FACES_KEPT)
def face_of(character: str) -> int:
    """Find the first font that has a character; LATIN shows a box when none has."""
    return next((face for face in (LATIN, CJK, EMOJI) if _has(face, character)), LATIN)


def _has(face: int, character: str) -> bool:
    return _shape(face, character) != _shape(face, IN_NO_FONT)


def _shape(face: int, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font(face, PROBE_SIZE).getmask(character)
    return mask.size, bytes(mask)


def runs(text: str) -> Iterator[tuple[int, str]]:
    """Split text where the font changes; joiners and skin tones stay with the emoji before them."""
    faces: list[int] = []
    for character in text:
        faces.append(faces[-1] if faces and character in JOINERS else face_of(character))
    for face, pairs in groupby(zip(faces, text, strict=True), key=lambda pair: pair[0]):
        yield face, "".join(character for _, character in pairs)


def text_width(text: str, size: float) -> float:
    """Return how wide a line becomes, in pixels."""
    return sum(font(face, size).getlength(part) for face, part in runs(text))


def write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: float, colour: Colour) -> None:
    """Write a line; `place` is where it begins, on the base line."""
    x, y = place
    for face, part in runs(text):
        pen.text((x, y), part, font=font(face, size), fill=colour, anchor="ls")
        x += font(face, size).getlength(part)
