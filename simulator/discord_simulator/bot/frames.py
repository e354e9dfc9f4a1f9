"""A picture with its label: which job, which prompt, which of the four."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw

from .art import Art, Size, drawn
from .lettering import LATIN, font, text_width, write
from .pixel_cache import PixelCache

LABEL_SHARE = 0.24  # of the height, at the bottom; the art above it is untouched
MAX_PROMPT_LINES = 3
LABEL_BACKGROUND, LABEL_TEXT, BADGE = (18, 18, 24), (240, 240, 240), (88, 101, 242)
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"  # Chinese, Japanese, Korean
PIECE = re.compile(f"[{WIDE}] ?|[^ {WIDE}]+ ?")
LABELS = 16  # kept, for the four of a grid that is being drawn
FRAMES_BYTES = 64 << 20  # cache of drawn frames, so that a pick is cut from its grid without drawing it again


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
        """Return the pixels; the caller must not change them."""
        return _drawn_frame(self)


def _framed(frame: Frame) -> Image.Image:
    image, top = drawn(frame.art).copy(), label_top(frame.size)
    image.paste(_label(frame.prompt, frame.job_id, (frame.size[0], frame.size[1] - top)), (0, top))
    _add_badge(ImageDraw.Draw(image), frame, top)
    return image


_drawn_frame = PixelCache(_framed, max_bytes=FRAMES_BYTES)


def label_top(size: Size) -> int:
    """Return the first pixel row of the label."""
    return round(size[1] * (1 - LABEL_SHARE))


def grid_size(frames: tuple[Frame, ...]) -> Size:
    """Return the size of `grid_of`."""
    width, height = frames[0].size
    return (width, height) if len(frames) == 1 else (width * 2, height * 2)


def grid_of(frames: tuple[Frame, ...]) -> Image.Image:
    """Put four frames in two rows; a single frame is its own picture."""
    if len(frames) == 1:
        return frames[0].draw()
    width, height = frames[0].size
    grid = Image.new("RGB", grid_size(frames))
    for position, frame in enumerate(frames):
        grid.paste(frame.draw(), ((position % 2) * width, (position // 2) * height))
    return grid


@lru_cache(maxsize=LABELS)
def _label(prompt: str, job_id: str, size: Size) -> Image.Image:
    """Draw what the labels of a job's frames have in common, with room for the badge; the caller must not change it."""
    image = Image.new("RGB", size, LABEL_BACKGROUND)
    pen, left = ImageDraw.Draw(image), _badge_edge(*size)
    width, height = size[0] - left - 8, size[1]
    small = _fitting(job_id, width, height / 6)
    line_height = height / (MAX_PROMPT_LINES + 1.6)
    text_size = max(6.0, line_height * 0.85)
    for number, line in enumerate(_wrapped(prompt, text_size, width)):
        write(pen, (left + 4, 4 + number * line_height + text_size * 0.8), line, text_size, LABEL_TEXT)
    write(pen, (left + 4, height - 4), job_id, small, LABEL_TEXT)
    return image


def _badge_edge(width: int, height: int) -> int:
    return min(height, width // 4)


def _add_badge(pen: ImageDraw.ImageDraw, frame: Frame, top: int) -> None:
    """Draw the index as a large number at the label's left."""
    edge = _badge_edge(frame.size[0], frame.size[1] - top)
    pen.rectangle((0, top, edge, top + edge), fill=BADGE)
    pen.text((edge / 2, top + edge / 2), str(frame.index), font=font(LATIN, edge * 0.7), fill=LABEL_TEXT, anchor="mm")


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
