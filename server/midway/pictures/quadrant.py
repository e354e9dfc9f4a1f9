"""Cuts one picture out of a grid, or makes a picture small enough for Discord."""

import io
from pathlib import Path

import PIL.Image
from PIL.Image import DecompressionBombError

from midway.pictures.checks import DAMAGED, FORMATS


class NoQuadrant(Exception):
    """No quadrant can be cut out of this file; the message says why."""


QUALITY = 95  # of a JPEG, 0 to 100: an upscale of 17 million pixels has some 8 MB, and no visible loss


def quadrant_from_file(path: Path, number: int | None, max_pixels: int, max_bytes: int) -> bytes:
    """Return a quarter of a picture: 1 to 4, top left, top right, bottom left, bottom right; None: all of it.

    As PNG, or as JPEG where that has more than `max_bytes`.

    Decodes the picture, so it belongs in a separate process (`decoder.Decoder`). Raises NoQuadrant.
    """
    try:
        with PIL.Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > max_pixels:
                raise NoQuadrant(f"it has more than {max_pixels} pixels")
            cut = picture.convert("RGB").crop(_box(picture.size, number))
            data = _encoded(cut, "PNG")
            return data if len(data) <= max_bytes else _encoded(cut, "JPEG", quality=QUALITY)
    except DecompressionBombError as err:
        raise NoQuadrant(f"it has more than {max_pixels} pixels") from err
    except DAMAGED as err:
        raise NoQuadrant("it is no PNG, JPEG, WebP or GIF picture, or a damaged one") from err


def _box(size: tuple[int, int], number: int | None) -> tuple[int, int, int, int]:
    if number is None:
        return (0, 0, *size)
    width, height = size[0] // 2, size[1] // 2
    left, top = (number - 1) % 2 * width, (number - 1) // 2 * height
    return left, top, left + width, top + height


def _encoded(picture: PIL.Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
