"""Pictures that clients send in: checked by their bytes before anything trusts them.

All functions are pure. Those that take bytes decode the whole picture, up to a second of CPU near the limits: call
them in a thread (`asyncio.to_thread`) from the event loop.
"""

import io
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import PIL.Image
from PIL.Image import DecompressionBombError

from midway.domain.errors import InvalidField, Reason, TooLong
from midway.domain.image import InputImage
from midway.engine.base64_text import bytes_from, characters_from

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SEVERAL_JPEGS = "MPO"  # Pillow's word for a JPEG with more pictures behind the first, as phones take them

# A mask painted with a soft brush has grey edges; a photograph sent by mistake is nearly all grey.
MAX_GREY_SHARE = 0.05
DARKEST_GREY, LIGHTEST_GREY = 32, 223
WHITE_FROM = 128
MAX_CHARACTERS_A_BYTE = 2  # 4/3 in base64, and room for line breaks and percent-encoding
MAX_LINK_CHARACTERS = 2000  # as of every address that is asked

_LINK = re.compile(r"\s*https?://\S+", re.IGNORECASE)
_DATA_URL = re.compile(r"data:(?P<type>[^,]*),(?P<payload>.*)", re.IGNORECASE | re.DOTALL)

_ESCAPED_HEAD = re.compile(r"data%3a[\w%.+-]{0,200}?(?:,|%2c)", re.IGNORECASE)

# What Pillow's decoders raise on damaged files, found by feeding them such.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """How much a client may send."""

    max_bytes: int = 10 * 1024 * 1024  # Discord's own limit on one file without a subscription
    max_pixels: int = 40_000_000  # decoded it takes four bytes a pixel
    max_count: int = 5  # what blend takes at most


def image_from_text(text: str, field: str, limits: PictureLimits) -> InputImage | str:
    """Read a data URL or bare base64 as a picture; return an http(s) link as it is.

    Base64 may be URL-safe, unpadded, broken into lines, percent-encoded, and have blanks where a form turned its `+`
    into them. The type that a data URL claims is not believed.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    if _LINK.match(text):
        link = text.strip()
        if len(link) > MAX_LINK_CHARACTERS:
            raise TooLong(field, len(link), MAX_LINK_CHARACTERS)
        if _LINK.fullmatch(link):
            return link
    return image_from_bytes(_bytes_from_text(text.lstrip(), field, limits), field, limits)


def image_from_bytes(data: bytes, field: str, limits: PictureLimits) -> InputImage:
    """Check that this is a whole PNG, JPEG, WebP or GIF within the limits; its size is read before it is decoded.

    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    picture = _decoded(data, field, limits)
    kind = "JPEG" if picture.format == SEVERAL_JPEGS else str(picture.format)
    return InputImage(data, PIL.Image.MIME[kind], picture.width, picture.height)


def mask_from_bytes(data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
    """Check a Vary (Region) mask and make it pure: black where nothing changes, white where it is selected.

    What is transparent counts as black. Grey is rounded on the edges of a selection and refused in masses.
    `size` is the (width, height) of the picture that it covers, to which it is scaled; None when unknown.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    picture = _decoded(data, field, limits)
    if picture.format != "PNG":
        raise _invalid(field, f"a mask must be a PNG, this is a {picture.format}")
    pure = _pure(_grey(picture), field)
    if size and pure.size != size:
        if size[0] * size[1] > limits.max_pixels:
            raise _too_many_pixels(field, limits)
        pure = _selecting(pure.resize(size, PIL.Image.Resampling.NEAREST), field)  # any other would make greys
    return InputImage(_png(pure), "image/png", *pure.size)


def size_of_file(path: Path) -> tuple[int, int]:
    """Read the (width, height) of a picture without decoding it. Raises OSError when it is none."""
    with PIL.Image.open(path, formats=FORMATS) as picture:
        return picture.size


def _bytes_from_text(text: str, field: str, limits: PictureLimits) -> bytes:
    if len(text) > MAX_CHARACTERS_A_BYTE * limits.max_bytes:  # told before anything is read
        raise _too_many_bytes(field, limits)
    characters = characters_from(_payload(text, field))
    if not characters:
        raise _invalid(field, "is empty")
    if len(characters) * 3 // 4 > limits.max_bytes:
        raise _too_many_bytes(field, limits)
    try:
        return bytes_from(characters)
    except ValueError as err:
        raise _invalid(field, "is neither a data URL, nor base64, nor an http(s) link") from err


def _payload(text: str, field: str) -> str:
    """Return the base64 part of a data URL, whose head may be percent-encoded, too; other text is all base64."""
    if head := _ESCAPED_HEAD.match(text):
        text = unquote(head[0]) + text[head.end() :]
    if text[:5].lower() != "data:":
        return text
    found = _DATA_URL.fullmatch(text)
    if not found or not found["type"].lower().replace(" ", "").endswith(";base64"):
        raise _invalid(field, "is a data URL without base64")
    return found["payload"]


def _decoded(data: bytes, field: str, limits: PictureLimits) -> PIL.Image.Image:
    if len(data) > limits.max_bytes:
        raise _too_many_bytes(field, limits)
    try:
        picture = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > limits.max_pixels:
            raise _too_many_pixels(field, limits)
        picture.load()
    except DecompressionBombError as err:
        raise _too_many_pixels(field, limits) from err
    except PIL.UnidentifiedImageError as err:
        raise _invalid(field, "is not a PNG, JPEG, WebP or GIF picture") from err
    except _DAMAGED as err:
        raise _invalid(field, "is a damaged or truncated picture") from err
    return picture


def _grey(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Lay the mask on black and drop its colours."""
    layer, grey = picture.convert("RGBA"), PIL.Image.new("L", picture.size)
    grey.paste(layer.convert("L"), mask=layer.getchannel("A"))  # alpha_composite would hold the GIL
    return grey


def _pure(grey: PIL.Image.Image, field: str) -> PIL.Image.Image:
    greys = sum(grey.histogram()[DARKEST_GREY : LIGHTEST_GREY + 1])
    if greys > MAX_GREY_SHARE * grey.width * grey.height:
        raise _invalid(field, "a mask must be black and white; most of this one is grey or coloured")
    return _selecting(grey.point([0] * WHITE_FROM + [255] * (256 - WHITE_FROM)), field)


def _selecting(mask: PIL.Image.Image, field: str) -> PIL.Image.Image:
    if mask.getbbox() is None:
        raise _invalid(field, "the mask is all black: nothing is selected")
    return mask


def _png(picture: PIL.Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=False)
    return file.getvalue()


def _invalid(field: str, problem: str) -> InvalidField:
    return InvalidField(field, problem, Reason.INVALID_IMAGE)


def _too_many_bytes(field: str, limits: PictureLimits) -> InvalidField:
    return InvalidField(field, f"is larger than {limits.max_bytes} bytes", Reason.IMAGE_TOO_LARGE)


def _too_many_pixels(field: str, limits: PictureLimits) -> InvalidField:
    return InvalidField(field, f"has more than {limits.max_pixels} pixels", Reason.IMAGE_TOO_LARGE)
