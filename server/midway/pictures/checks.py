"""Pictures that clients send in: checked by their bytes before anything trusts them.

All functions are pure. What is only passed on is read by its structure and never decoded, which takes up to a tenth of
a second of CPU near the limits: call it in a thread (`asyncio.to_thread`) from the event loop. Masks and thumbnails are
decoded: those belong into a process of their own (`decoder.Decoder`).
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

# A mask painted with a soft brush has grey edges; a photograph sent by mistake is nearly all grey.
MAX_GREY_SHARE = 0.05
DARKEST_GREY, LIGHTEST_GREY = 32, 223
WHITE_FROM = 128
MAX_CHARACTERS_A_BYTE = 2  # 4/3 in base64, and room for line breaks and percent-encoding
MOST_PIXELS = 2 * 89_478_485  # Pillow opens no larger picture
LONGEST_HEAD = 1000  # characters of a data URL before its content

_LINK_MARKS = ("http://", "https://")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_ESCAPED_HEAD = re.compile(r"data%3a[\w%.+-]{0,200}?(?:,|%2c)", re.IGNORECASE)

# What Pillow's decoders raise on damaged files, found by feeding them such.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """How much a client may send."""

    max_bytes: int = 10 * 1024 * 1024  # Discord's own limit on one file without a subscription
    max_pixels: int = 40_000_000  # decoded it takes four bytes a pixel
    max_count: int = 5  # what blend takes at most
    max_scans: int = 100  # of a JPEG; encoders make up to a dozen, and a decoder goes over all pixels for each
    max_frames: int = 1000  # of an animation; Midjourney looks at the first one


def image_from_text(text: str, field: str, limits: PictureLimits) -> InputImage | str:
    """Read a data URL or bare base64 as a picture; return an http(s) link as it is.

    Base64 may be URL-safe, unpadded, broken into lines, percent-encoded, and have blanks where a form turned its `+`
    into them. The type that a data URL claims is not believed.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    text = stripped(text)
    if text[:8].lower().startswith(_LINK_MARKS):
        if len(text) > MAX_URL_CHARACTERS:
            raise TooLong(field, len(text), MAX_URL_CHARACTERS)
        if _LINK.fullmatch(text):
            return text
    return image_from_bytes(_bytes_from_text(text, field, limits), field, limits)


def image_from_bytes(data: bytes, field: str, limits: PictureLimits) -> InputImage:
    """Check that this is a whole PNG, JPEG, WebP or GIF within the limits, by its structure alone.

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
    """Check a Vary (Region) mask and make it pure: black where nothing changes, white where it is selected.

    What is transparent counts as black. Grey is rounded on the edges of a selection and refused in masses.
    `size` is the (width, height) of the picture that it covers, to which it is scaled; None when unknown.
    Raises InvalidField with INVALID_IMAGE or IMAGE_TOO_LARGE.
    """
    kind = image_from_bytes(data, field, limits).content_type
    if kind != MASK_TYPE:
        raise _invalid(field, f"a mask must be a PNG, this is a {kind.rpartition('/')[2].upper()}")
    try:
        grey = _grey(_decoded(data, field, limits))
    except ValueError as err:  # transparency of more colours than there are
        raise _invalid(field, "is a damaged or truncated picture") from err
    pure = _pure(grey, field)
    if size and pure.size != size:
        if size[0] * size[1] > limits.max_pixels:
            raise _too_many(field, "pixels", limits.max_pixels)
        pure = _selecting(pure.resize(size, PIL.Image.Resampling.NEAREST), field)  # any other would make greys
    return InputImage(_png(pure), MASK_TYPE, *pure.size)


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


def _too_many(field: str, things: str, most: int) -> InvalidField:
    return InvalidField(field, f"has more than {most} {things}", Reason.IMAGE_TOO_LARGE)


def _damaged(field: str) -> InvalidField:
    return _invalid(field, "is a damaged or truncated picture")
