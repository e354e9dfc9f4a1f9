"""Small copies of pictures, for pages that show many of them."""

import io
from pathlib import Path

import PIL.Image
from PIL.Image import DecompressionBombError

from midway.pictures.checks import DAMAGED, FORMATS

WIDTHS = (320, 640, 1280)  # pixels; each is a file beside the picture, so there are few
CONTENT_TYPE = "image/webp"
# Of WebP, 0 to 100. Below 75 skies and skin show steps; above 85 files grow by half, and nobody sees why.
QUALITY = 80
EFFORT = 4  # of WebP, 0 to 6: twice the time of 2 for a tenth less; 6 takes twice as long again for a fiftieth

_FAITHFUL = {"RGB", "RGBA"}
_WITH_TRANSPARENCY = {"LA", "PA", "La", "RGBa"}


class NoThumbnail(Exception):
    """No small copy can be made of this file; the message says why."""


def thumbnail_from_file(path: Path, width: int, max_pixels: int) -> bytes:
    """Make a WebP of so many pixels' width, or of the picture's own where that is less.

    Of an animation it shows the first frame.
    Decodes the picture: call it in a process of its own (`decoder.Decoder`). Raises NoThumbnail, FileNotFoundError.
    """
    try:
        with PIL.Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > max_pixels:
                raise NoThumbnail(f"it has more than {max_pixels} pixels")
            return _webp(picture, width)
    except DecompressionBombError as err:
        raise NoThumbnail(f"it has more than {max_pixels} pixels") from err
    except FileNotFoundError:
        raise
    except DAMAGED as err:
        raise NoThumbnail("it is no PNG, JPEG, WebP or GIF picture, or a damaged one") from err


def _webp(picture: PIL.Image.Image, width: int) -> bytes:
    if picture.width > width:
        high = max(round(picture.height * width / picture.width), 1)
        picture.draft("RGB", (width, high))  # a JPEG is decoded at a fraction of its size
        picture = _faithful(picture).resize((width, high), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    _faithful(picture).save(file, "WEBP", quality=QUALITY, method=EFFORT)
    return file.getvalue()


def _faithful(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Bring a palette, greys or ink to what WebP holds, and what scaling makes no steps of."""
    if picture.mode in _FAITHFUL:
        return picture
    is_transparent = picture.mode in _WITH_TRANSPARENCY or "transparency" in picture.info
    return picture.convert("RGBA" if is_transparent else "RGB")
