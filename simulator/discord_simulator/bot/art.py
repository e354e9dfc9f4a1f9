"""What a picture shows, as a small expression: painted, varied, zoomed, panned, mixed … from other art.

Art is only described here; `drawn` turns it into pixels when a picture is needed.
So a job costs no memory for its pixels, and the same art always gives the same picture.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageOps

from .pixel_cache import PixelCache
from .texture import grained, textured

Size = tuple[int, int]

DRAWN_BYTES = 64 << 20  # of drawn pictures kept: 160 small ones, 16 real ones


@dataclass(frozen=True)
class Canvas:
    """What a picture is painted on: how large one quadrant is, and whether it has the detail of a photo."""

    area: int  # pixels, whatever the aspect ratio
    longest_edge: int  # pixels; repeated pans stop growing here
    is_detailed: bool = False


SMALL = Canvas(320 * 320, 1600)  # small enough to draw hundreds in a test, large enough to read
REAL = Canvas(1024 * 1024, 4096, is_detailed=True)


class Art(Protocol):
    """Something that can be drawn; frozen and hashable, so that a drawing is made once."""

    @property
    def size(self) -> Size:
        """Width and height in pixels."""

    def draw(self) -> Image.Image:
        """Make the pixels, RGB."""

    def __hash__(self) -> int: ...


def _draw(art: Art) -> Image.Image:
    return art.draw()


drawn = PixelCache(_draw, max_bytes=DRAWN_BYTES)  # gives an art's pixels


def size_for(ratio: float, area: int = SMALL.area) -> Size:
    """Return the even-sided size of this area and aspect ratio."""
    return _even(math.sqrt(area * ratio)), _even(math.sqrt(area / ratio))


@dataclass(frozen=True)
class Painted:
    """A background and shapes that follow from a key; colour words among `words` set the palette."""

    key: str
    size: Size
    words: str = ""
    is_detailed: bool = False

    def draw(self) -> Image.Image:
        random = Random(f"{self.key}|{self.words}")
        palette = _palette(self.words, random)
        image = ImageOps.colorize(_gradient(self.size, random), palette[0], palette[1])
        pen = ImageDraw.Draw(image)
        for _ in range(9):
            _add_shape(pen, self.size, random.choice(palette[2:]), random)
        return textured(image, self.key) if self.is_detailed else image


@dataclass(frozen=True)
class Photo:
    """A picture that a user sent, cropped to fit."""

    content: bytes = field(repr=False)
    size: Size
    is_detailed: bool = False

    def draw(self) -> Image.Image:
        with Image.open(io.BytesIO(self.content)) as opened:
            image = ImageOps.fit(opened.convert("RGB"), self.size)
        return grained(image, "photo") if self.is_detailed else image


@dataclass(frozen=True)
class Mixed:
    """Several arts laid over each other, each with its share of the sum."""

    arts: tuple[Art, ...]
    weights: tuple[float, ...]

    @property
    def size(self) -> Size:
        return self.arts[0].size

    def draw(self) -> Image.Image:
        mixed, total = drawn(self.arts[0]), self.weights[0]
        for art, weight in zip(self.arts[1:], self.weights[1:], strict=True):
            total += weight
            mixed = Image.blend(mixed, drawn(art).resize(self.size), weight / total)
        return mixed


@dataclass(frozen=True)
class Zoomed:
    """The camera stepped back: the source is smaller, in the middle of new surroundings."""

    source: Art
    factor: float
    surroundings: Art

    @property
    def size(self) -> Size:
        return self.surroundings.size

    def draw(self) -> Image.Image:
        image = drawn(self.surroundings).copy()
        inner = ImageOps.contain(drawn(self.source), _scaled(self.size, 1 / self.factor))
        image.paste(inner, ((self.size[0] - inner.width) // 2, (self.size[1] - inner.height) // 2))
        return image


PAN_GROWTH = 1.5  # of the edge that a pan lengthens
PAN_EDGES = {"left": (1.0, 0.5), "right": (0.0, 0.5), "up": (0.5, 1.0), "down": (0.5, 0.0)}  # where the source stays


@dataclass(frozen=True)
class Panned:
    """The canvas grew to one side; the source stays at the other."""

    source: Art
    direction: str
    key: str
    words: str
    canvas: Canvas = SMALL

    @property
    def size(self) -> Size:
        width, height = self.source.size
        sideways = self.direction in ("left", "right")
        return (self._grown(width), height) if sideways else (width, self._grown(height))

    def draw(self) -> Image.Image:
        image = Painted(self.key, self.size, self.words, self.canvas.is_detailed).draw()
        x, y = PAN_EDGES[self.direction]
        source = drawn(self.source)
        image.paste(source, (round((image.width - source.width) * x), round((image.height - source.height) * y)))
        return image

    def _grown(self, edge: int) -> int:
        return min(_even(edge * PAN_GROWTH), max(edge, self.canvas.longest_edge))


@dataclass(frozen=True)
class Repainted:
    """The source with other art where the mask is white; not one pixel changes elsewhere."""

    source: Art
    patch: Art
    mask_png: bytes = field(repr=False)

    @property
    def size(self) -> Size:
        return self.source.size

    def draw(self) -> Image.Image:
        with Image.open(io.BytesIO(self.mask_png)) as mask:
            chosen = mask.convert("L").resize(self.size).point(lambda level: 255 if level > 127 else 0)
        return Image.composite(drawn(self.patch).resize(self.size), drawn(self.source), chosen)


@dataclass(frozen=True)
class Enlarged:
    """The source with more pixels; a creative upscale sharpens, a detailed one gives the new pixels grain."""

    source: Art
    factor: int
    is_creative: bool = False
    is_detailed: bool = False

    @property
    def size(self) -> Size:
        return _scaled(self.source.size, self.factor)

    def draw(self) -> Image.Image:
        image = drawn(self.source).resize(self.size, Image.Resampling.LANCZOS)
        image = image.filter(ImageFilter.EDGE_ENHANCE_MORE) if self.is_creative else image
        return grained(image, f"{self.factor}x") if self.is_detailed else image


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def _scaled(size: Size, factor: float) -> Size:
    return _even(size[0] * factor), _even(size[1] * factor)


def _palette(words: str, random: Random) -> Sequence[tuple[int, ...]]:
    """Choose five colours: two for the background, three for shapes, near those that the words name."""
    named = [ImageColor.getrgb(word) for word in words.lower().split() if word in ImageColor.colormap]
    hue = random.randrange(360)
    own = [ImageColor.getrgb(f"hsl({(hue + turn) % 360}, 55%, {light}%)") for turn, light in
           ((0, 22), (40, 72), (180, 55), (210, 40), (150, 65))]  # fmt: skip
    return own[:2] + (named + own[2:])[:3] if named else own


def _gradient(size: Size, random: Random) -> Image.Image:
    gradient = random.choice((Image.linear_gradient, Image.radial_gradient))("L")
    return gradient.rotate(random.choice((0, 90, 180, 270))).resize(size)


def _add_shape(pen: ImageDraw.ImageDraw, size: Size, colour: tuple[int, ...], random: Random) -> None:
    reach = min(size) * random.uniform(0.05, 0.22)
    x, y = random.uniform(0, size[0]), random.uniform(0, size[1] * 0.8)
    box = (x - reach, y - reach, x + reach, y + reach)
    match random.randrange(3):
        case 0:
            pen.ellipse(box, fill=colour)
        case 1:
            pen.regular_polygon((x, y, reach), random.randint(3, 7), random.randrange(90), fill=colour)
        case _:
            pen.arc(box, random.randrange(180), 360, fill=colour, width=max(2, int(reach / 4)))
