"""Cuts one picture out of a grid."""

import io
from pathlib import Path

import PIL.Image
from PIL.Image import DecompressionBombError

from midway.pictures.checks import DAMAGED, FORMATS


class NoQuadrant(Exception):
    """No quadrant can be cut out of this file; the message says why."""


def quadrant_from_file(path: Path, number: int, max_pixels: int) -> bytes:
    """Return a quarter of a picture as PNG. `number` is 1 to 4: top left, top right, bottom left, bottom right.

    Decodes the picture, so it belongs in a separate process (`decoder.Decoder`). Raises NoQuadrant.
    """
    try:
        with PIL.Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > max_pixels:
                raise NoQuadrant(f"it has more than {max_pixels} pixels")
            width, height = picture.width // 2, picture.height // 2
            left, top = (number - 1) % 2 * width, (number - 1) // 2 * height
            file = io.BytesIO()
            picture.convert("RGB").crop((left, top, left + width, top + height)).save(file, "PNG")
            return file.getvalue()
    except DecompressionBombError as err:
        raise NoQuadrant(f"it has more than {max_pixels} pixels") from err
    except DAMAGED as err:
        raise NoQuadrant("it is no PNG, JPEG, WebP or GIF picture, or a damaged one") from err
