"""Pictures that users send: checked before anything is drawn from them."""

from __future__ import annotations

import io
from math import gcd

from PIL import Image, UnidentifiedImageError

from .prompt import PromptRefused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 64_000_000  # beyond it a small file may unpack to gigabytes
MAX_RATIO_TERM = 20  # `--ar` terms stay readable


def photo_size(content: bytes) -> tuple[int, int] | None:
    """Return the size of a picture in a format that the bot reads; None for anything else."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            size = image.size
            if size[0] * size[1] > MAX_PIXELS:
                return None
            if image.format == "PNG":
                image.verify()  # by its check sums: a large one would take too long to unpack
            else:
                image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError):
        return None
    return size


def checked_photo(content: bytes, filename: str) -> bytes:
    """Pass a picture on, or raise PromptRefused as the bot would say it."""
    if photo_size(content) is None:
        raise PromptRefused("Invalid image", f"The file `{filename}` is not an image that can be read.")
    return content


def ratio_text(width: int, height: int) -> str:
    """Return a picture's aspect ratio in the form of `--ar`, rounded if its terms would be long."""
    longer, divisor = max(width, height), gcd(width, height)
    if longer <= MAX_RATIO_TERM * divisor:
        return f"{width // divisor}:{height // divisor}"
    factor = longer / MAX_RATIO_TERM
    return f"{max(1, round(width / factor))}:{max(1, round(height / factor))}"
