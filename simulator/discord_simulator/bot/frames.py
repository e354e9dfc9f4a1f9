"""A picture with its label: which job, which prompt, which of the four."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .art import Art, Size, drawn
from .lettering import LATIN, font, text_width, write
from .pixel_cache import PixelCache

LABEL_SHARE = 0.24  # of the height, at the bottom; the art above it is untouched
MAX_PROMPT_LINES = 3
LABEL_BACKGROUND, LABEL_TEXT, BADGE = (18, 18, 24), (240, 240, 240), (88, 101, 242)
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"  # Chinese, Japanese, Korean
PIECE = re.compile(f"[{WIDE}] ?|[^ {WIDE}]+ ?")
FRAMES_BYTES = 64 << 20  # of drawn frames kept, so that a pick is what its grid shows without being drawn anew


@dataclass(frozen=True)
class Frame:
    """One picture as a user sees it: art above, and a label a person can read below."""

    art: Art
    index: int
    prompt: str
    job_id: str

    @property
    def size(self) -> Size:
        return self.art.size

    def draw(self) -> Image.Image:
        """Give the pixels; the caller must not change them."""
        return _drawn_frame(self)


def _framed(frame: Frame) -> Image.Image:
    image = drawn(frame.art).copy()
    top = label_top(frame.size)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, top, *image.size), fill=LABEL_BACKGROUND)
    badge = _add_badge(pen, frame, top)
    _add_text(pen, frame, badge, top)
    return image


_drawn_frame = PixelCache(_framed, max_bytes=FRAMES_BYTES)


def label_top(size: Size) -> int:
    """Give the first pixel row of the label."""
    return round(size[1] * (1 - LABEL_SHARE))


def grid_of(frames: tuple[Frame, ...]) -> Image.Image:
    """Put four frames in two rows; a single frame is its own picture."""
    if len(frames) == 1:
        return frames[0].draw()
    width, height = frames[0].size
    grid = Image.new("RGB", (width * 2, height * 2))
    for position, frame in enumerate(frames):
        grid.paste(frame.draw(), ((position % 2) * width, (position // 2) * height))
    return grid


def _add_badge(pen: ImageDraw.ImageDraw, frame: Frame, top: int) -> int:
    """Draw the index as a large number at the label's left; gives where the text may begin."""
    edge = min(frame.size[1] - top, frame.size[0] // 4)
    pen.rectangle((0, top, edge, top + edge), fill=BADGE)
    pen.text((edge / 2, top + edge / 2), str(frame.index), font=font(LATIN, edge * 0.7), fill=LABEL_TEXT, anchor="mm")
    return edge


def _add_text(pen: ImageDraw.ImageDraw, frame: Frame, left: int, top: int) -> None:
    width, height = frame.size[0] - left - 8, frame.size[1] - top
    small = _fitting(frame.job_id, width, height / 6)
    line_height = height / (MAX_PROMPT_LINES + 1.6)
    size = max(6.0, line_height * 0.85)
    for number, line in enumerate(_wrapped(frame.prompt, size, width)):
        write(pen, (left + 4, top + 4 + number * line_height + size * 0.8), line, size, LABEL_TEXT)
    write(pen, (left + 4, frame.size[1] - 4), frame.job_id, small, LABEL_TEXT)


def _fitting(text: str, width: int, largest: float) -> float:
    """Choose the size, in half pixels, at which the text just fits."""
    return max(4.0, min(largest, int(20 * width / text_width(text, 10.0)) / 2))


def _wrapped(text: str, size: float, width: int) -> list[str]:
    """Break at blanks and around wide characters into at most three lines; the rest becomes an ellipsis."""
    lines = [""]
    for piece in _pieces(text):
        if not lines[-1].strip() or text_width((lines[-1] + piece).rstrip(), size) <= width:
            lines[-1] += piece
        elif len(lines) == MAX_PROMPT_LINES:
            lines[-1] = lines[-1].rstrip() + " …"
            break
        else:
            lines.append(piece)
    return [line.strip() for line in lines]


def _pieces(text: str) -> list[str]:
    """Split where a line may break: after a blank, and on both sides of a character of a script without blanks."""
    return PIECE.findall(" ".join(text.split()))
