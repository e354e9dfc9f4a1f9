"""Makes a drawing's file as large as a photo's: clouds of light and shade, and grain in every pixel.

Grain is noise, so no compression takes it away: a PNG needs some 16 bits for each pixel, as for a photo.
It is cut at a place that follows from a key out of one tile that is made once, which costs next to nothing.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from statistics import NormalDist

from PIL import Image, ImageChops

TILE_EDGE = 1024  # pixels
GRAIN = 5.5  # standard deviation, of 255; twice as much adds a bit to each pixel and colour
CLOUD_EDGE, CLOUD_DEPTH = 9, 22  # how many blots across, and how dark or bright they are at most
MIDDLE = 128  # what changes nothing when it is added


def textured(image: Image.Image, key: str) -> Image.Image:
    """Add clouds and grain to an RGB picture; the same key always gives the same result."""
    return grained(ImageChops.add(image, _clouds(image.size, key), 1, -MIDDLE), key)


def grained(image: Image.Image, key: str) -> Image.Image:
    """Add grain to an RGB picture, tile by tile, so that no second picture of its size is needed."""
    random = Random(f"grain|{key}")
    result = Image.new("RGB", image.size)
    for top in range(0, image.height, TILE_EDGE):
        for left in range(0, image.width, TILE_EDGE):
            box = (left, top, min(left + TILE_EDGE, image.width), min(top + TILE_EDGE, image.height))
            tile = ImageChops.offset(_grain(), random.randrange(TILE_EDGE), random.randrange(TILE_EDGE))
            result.paste(
                ImageChops.add(image.crop(box), tile.crop((0, 0, box[2] - left, box[3] - top)), 1, -MIDDLE), box
            )
    return result


@lru_cache(maxsize=1)
def _grain() -> Image.Image:
    """Make the tile: evenly spread bytes, bent into a normal distribution around MIDDLE."""
    normal = NormalDist(MIDDLE, GRAIN)
    bent = [round(normal.inv_cdf((level + 0.5) / 256)) for level in range(256)]
    noise = Random("grain").randbytes(3 * TILE_EDGE * TILE_EDGE)
    return Image.frombytes("RGB", (TILE_EDGE, TILE_EDGE), noise).point(bent * 3)


def _clouds(size: tuple[int, int], key: str) -> Image.Image:
    noise = Random(f"clouds|{key}").randbytes(CLOUD_EDGE * CLOUD_EDGE)
    depths = [MIDDLE + (level - MIDDLE) * CLOUD_DEPTH // MIDDLE for level in range(256)]
    blots = Image.frombytes("L", (CLOUD_EDGE, CLOUD_EDGE), noise).point(depths)
    return blots.resize(size, Image.Resampling.BICUBIC).convert("RGB")
