"""Checks pictures that clients send, by their bytes.

All functions are pure. A picture that is only passed on to Discord is checked by its structure and not decoded. That
takes up to 0.1 s of CPU near the limits, so from the event loop call it in a thread (`asyncio.to_thread`). Masks and
thumbnails are decoded, which belongs in a separate process (`decoder.Decoder`).
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
from midway.outbound.address import MAX_URL_CHARACTERS
from midway.pictures.base64_text import bytes_from, characters_from, stripped
from midway.pictures.structure import Damaged, structure_of

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MASK_TYPE = "image/png"

# A mask painted with a soft brush has grey edges; a photograph sent by mistake is grey nearly everywhere.
MAX_GREY_SHARE = 0.05
DARKEST_GREY, LIGHTEST_GREY = 32, 223
WHITE_FROM = 128
MAX_CHARACTERS_A_BYTE = 2  # base64 has 4/3, plus line breaks and percent-encoding
MOST_PIXELS = 2 * 89_478_485  # Pillow refuses larger pictures
LONGEST_HEAD = 1000  # characters of a data URL before its content

_LINK_MARKS = ("http://", "https://")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_ESCAPED_HEAD = re.compile(r"data%3a[\w%.+-]{0,200}?(?:,|%2c)", re.IGNORECASE)

# What Pillow's decoders raise on damaged files, found by fuzzing.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """How much a client may send."""

    max_bytes: int = 10 * 1024 * 1024  # Discord's own limit on one file without a subscription
    max_pixels: int = 40_000_000  # decoding takes four bytes per pixel
    max_count: int = 5  # the most that blend takes
    max_scans: int = 100  # of a JPEG; encoders make up to a dozen, and each makes a decoder go over all pixels
    max_frames: int = 1000  # of an animation; Midjourney uses only the first one


def image_from_text(text: str, field: str, limits: PictureLimits) -> InputImage | str:
    """Read a data URL or bare base64 as a picture; return an http(s) link unchanged.

    Base64 may be URL-safe, unpadded, broken into lines, percent-encoded, or have blanks where form decoding replaced
    its `+`. The type in a data URL is ignored.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE, TooLong for a link.
    """
    text = stripped(text)
    if text[:8].lower().startswith(_LINK_MARKS):
        if len(text) > MAX_URL_CHARACTERS:
            raise TooLong(field, len(text), MAX_URL_CHARACTERS)
        if _LINK.fullmatch(text):
            return text
    return image_from_bytes(_bytes_from_text(text, field, limits), field, limits)


def image_from_bytes(data: bytes, field: str, limits: PictureLimits) -> InputImage:
    """Check by its structure that this is a complete PNG, JPEG, WebP or GIF within the limits.

    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    if len(data) > limits.max_bytes:
        raise _too_many_bytes(field, limits)
    try:
        picture = structure_of(data)
    except Damaged as err:
        raise _damaged(field) from err
    if picture is None:
        raise _invalid(field, "is not a PNG, JPEG, WebP or GIF picture")
    if picture.width * picture.height > limits.max_pixels:
        raise _too_many(field, "pixels", limits.max_pixels)
    if picture.scans > limits.max_scans:
        raise _too_many(field, "scans", limits.max_scans)
    if picture.frames > limits.max_frames:
        raise _too_many(field, "frames", limits.max_frames)
    return InputImage(data, picture.content_type, picture.width, picture.height)


def mask_from_bytes(data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
    """Check a Vary (Region) mask and make it purely black and white: white where it selects, black elsewhere.

    Transparent pixels count as black. Grey pixels are rounded; more than MAX_GREY_SHARE of them are refused.
    `size` is the (width, height) in pixels of the picture that the mask covers, to which it is scaled; None: unknown.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    kind = image_from_bytes(data, field, limits).content_type
    if kind != MASK_TYPE:
        raise _invalid(field, f"a mask must be a PNG, this is a {kind.rpartition('/')[2].upper()}")
    try:
        grey = _grey(_decoded(data, field, limits))
    except ValueError as err:  # a transparency table with more entries than there are colours
        raise _invalid(field, "is a damaged or truncated picture") from err
    pure = _pure(grey, field)
    if size and pure.size != size:
        if size[0] * size[1] > limits.max_pixels:
            raise _too_many(field, "pixels", limits.max_pixels)
        pure = _selecting(pure.resize(size, PIL.Image.Resampling.NEAREST), field)  # others make grey pixels
    return InputImage(_png(pure), MASK_TYPE, *pure.size)


def size_of_file(path: Path) -> tuple[int, int]:
    """Read the (width, height) in pixels without decoding the picture. Raises OSError when it is not a picture."""
    with PIL.Image.open(path, formats=FORMATS) as picture:
        return picture.size


def _bytes_from_text(text: str, field: str, limits: PictureLimits) -> bytes:
    if len(text) > MAX_CHARACTERS_A_BYTE * limits.max_bytes:  # before any work on it
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
    """Return the base64 part of a data URL, whose head may be percent-encoded; any other text is returned whole."""
    if head := _ESCAPED_HEAD.match(text):
        text = unquote(head[0]) + text[head.end() :]
    if text[:5].lower() != "data:":
        return text
    payload = text.find(",", 0, LONGEST_HEAD) + 1
    if not text[:payload].lower().replace(" ", "").endswith(";base64,"):
        raise _invalid(field, "is a data URL without base64")
    return text[payload:]


def _decoded(data: bytes, field: str, limits: PictureLimits) -> PIL.Image.Image:
    try:
        picture = PIL.Image.open(io.BytesIO(data), formats=["PNG"])
        picture.load()
    except DecompressionBombError as err:
        raise _too_many(field, "pixels", limits.max_pixels) from err
    except DAMAGED as err:
        raise _damaged(field) from err
    return picture


def _grey(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Put the mask on a black background and convert it to greyscale."""
    layer, grey = picture.convert("RGBA"), PIL.Image.new("L", picture.size)
    grey.paste(layer.convert("L"), mask=layer.getchannel("A"))  # unlike alpha_composite, releases the GIL
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


def _too_many(field: str, things: str, most: int) -> InvalidField:
    return InvalidField(field, f"has more than {most} {things}", Reason.IMAGE_TOO_LARGE)


def _damaged(field: str) -> InvalidField:
    return _invalid(field, "is a damaged or truncated picture")
