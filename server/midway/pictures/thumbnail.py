"""Small copies of pictures, for pages that show many of them."""

import io
from pathlib import Path

import PIL.Image
from PIL.Image import DecompressionBombError

from midway.pictures.checks import DAMAGED, FORMATS

WIDTHS = (320, 640, 1280)  # pixels; only a few, since each is one more file per picture
CONTENT_TYPE = "image/webp"
# WebP's, 0 to 100. Below 75, skies and skin show banding; above 85, files grow by half without a visible gain.
QUALITY = 80
# WebP's, 0 to 6. 4 takes twice as long as 2 for files 10 % smaller; 6 twice as long again for another 2 %.
EFFORT = 4

_FULL_COLOUR = {"RGB", "RGBA"}
_WITH_TRANSPARENCY = {"LA", "PA", "La", "RGBa"}


class NoThumbnail(Exception):
    """No thumbnail can be made of this file; the message says why."""


def thumbnail_from_file(path: Path, width: int, max_pixels: int) -> bytes:
    """Return a WebP `width` pixels wide, or as wide as the picture if that is less.

    Of an animation it shows the first frame.
    Decodes the picture, so it belongs in a separate process (`decoder.Decoder`). Raises NoThumbnail, FileNotFoundError.
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
        picture.draft("RGB", (width, high))  # lets a JPEG be decoded at a fraction of its size
        picture = _in_full_colour(picture).resize((width, high), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    _in_full_colour(picture).save(file, "WEBP", quality=QUALITY, method=EFFORT)
    return file.getvalue()


def _in_full_colour(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Convert palette, greyscale and CMYK pictures to RGB or RGBA, which WebP can hold and scaling keeps smooth."""
    if picture.mode in _FULL_COLOUR:
        return picture
    is_transparent = picture.mode in _WITH_TRANSPARENCY or "transparency" in picture.info
    return picture.convert("RGBA" if is_transparent else "RGB")
