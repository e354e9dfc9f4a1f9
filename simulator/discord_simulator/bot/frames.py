"""A picture with its label: which job, which prompt, which of the four."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from .art import Art, Size, drawn

LABEL_SHARE = 0.24  # of the height, at the bottom; the art above it is untouched
MAX_PROMPT_LINES = 3
LABEL_BACKGROUND, LABEL_TEXT, BADGE = (18, 18, 24), (240, 240, 240), (88, 101, 242)
FRAMES_KEPT = 128  # drawn frames kept, some 40 MB: those of the grids that run at once


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
        return _framed(self)


@lru_cache(maxsize=FRAMES_KEPT)
def _framed(frame: Frame) -> Image.Image:
    image = drawn(frame.art).copy()
    top = label_top(frame.size)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, top, *image.size), fill=LABEL_BACKGROUND)
    badge = _add_badge(pen, frame, top)
    _add_text(pen, frame, badge, top)
    return image


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
    font = ImageFont.load_default(edge * 0.7)
    pen.text((edge / 2, top + edge / 2), str(frame.index), font=font, fill=LABEL_TEXT, anchor="mm")
    return edge


def _add_text(pen: ImageDraw.ImageDraw, frame: Frame, left: int, top: int) -> None:
    width, height = frame.size[0] - left - 8, frame.size[1] - top
    small = _fitting(frame.job_id, width, height / 6)
    line_height = height / (MAX_PROMPT_LINES + 1.6)
    font = ImageFont.load_default(max(6.0, line_height * 0.85))
    for number, line in enumerate(_wrapped(frame.prompt, font, width)):
        pen.text((left + 4, top + 4 + number * line_height), line, font=font, fill=LABEL_TEXT)
    pen.text((left + 4, frame.size[1] - 4), frame.job_id, font=small, fill=LABEL_TEXT, anchor="ls")


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _fitting(text: str, width: int, largest: float) -> Font:
    """Choose the size, in half points, at which the text just fits."""
    at_ten = ImageFont.load_default(10.0).getlength(text)
    return ImageFont.load_default(max(4.0, min(largest, int(20 * width / at_ten) / 2)))


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    """Break at blanks into at most three lines; what is left over ends in an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or font.getlength(longer) <= width:
            lines[-1] = longer
        elif len(lines) == MAX_PROMPT_LINES:
            lines[-1] += " …"
            break
        else:
            lines.append(word)
    return lines
