"""Pictures that clients send: as files, as text, and as masks."""

import base64
import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import PIL.Image
from midway.domain.errors import InvalidField
from midway.pictures.base64_text import bytes_from, characters_from
from midway.pictures.checks import PictureLimits, image_from_bytes, image_from_text, mask_from_bytes

from tests.fuzz.cases import ODD_BYTES, Maker, Tape, either, files, texts
from tests.fuzz.target import Target

LIMITS = PictureLimits(max_bytes=1 << 20, max_pixels=1_000_000)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
# Words of the four containers.
PIECES = (
    *(
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"PLTE",
        b"tRNS",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"iCCP",
        b"zTXt",
        b"\xff\xd8",
        b"\xff\xc0",
    ),
    *(b"\xff\xc2", b"\xff\xc4", b"\xff\xda\x00\x08", b"\xff\xd9", b"\xff\xe0", b"\xff\xdb", b"RIFF", b"WEBP", b"VP8 "),
    *(b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"GIF89a", b"\x21\xff\x0bNETSCAPE2.0", b"\x21\xf9\x04", b"\x2c", b"\x3b"),
)

CONTENTS = (*ODD_BYTES, b"\0", b"\xff", zlib.compress(b"\0" * 100_000), b"\0" * 70_000)


def _drawn(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    noise = PIL.Image.frombytes("L", (20, 12), random.Random(1).randbytes(240)).convert(mode)
    file = io.BytesIO()
    if options.pop("frames", False):
        options |= {"save_all": True, "append_images": [noise.rotate(90), noise.rotate(180)]}
    noise.save(file, kind, **options)
    return file.getvalue()


SEEDS = (
    *(_drawn("PNG", mode) for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "I;16")),
    _drawn("PNG", frames=True),
    *(_drawn("JPEG", mode, progressive=progressive) for mode in ("RGB", "L", "CMYK") for progressive in (False, True)),
    _drawn("MPO", frames=True),
    *(_drawn("WEBP", mode, lossless=lossless) for mode in ("RGB", "RGBA") for lossless in (False, True)),
    _drawn("WEBP", frames=True),
    _drawn("GIF", "P"),
    _drawn("GIF", "P", frames=True),
)
PNGS = tuple(seed for seed in SEEDS if seed.startswith(PNG_HEAD))
MASKS = tuple(_drawn("PNG", mode) for mode in ("1", "L", "RGBA", "P"))


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give a PNG's chunks: kind and content."""
    at = len(PNG_HEAD)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def png_of(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Make a PNG of chunks, with the right checksums."""
    whole = (struct.pack(">I", len(data)) + kind + data + _sum(kind + data) for kind, data in chunks)
    return PNG_HEAD + b"".join(whole)


def _sum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))


def pngs(seeds: Sequence[bytes]) -> Maker:
    """Make PNGs whose checksums are right and whose chunks are not: with other bytes, doubled, moved, left out."""
    return lambda tape: _rechunked(tape, list(chunks_of(tape.pick(seeds))))


def _rechunked(tape: Tape, chunks: list[tuple[bytes, bytes]]) -> bytes:
    for _ in tape.edits():
        at = tape.number(len(chunks))
        kind, content = chunks[at]
        begin, piece = tape.number(len(content) + 1), tape.pick(CONTENTS)
        match tape.number(5):
            case 0:
                chunks[at] = kind, content[:begin] + piece + content[begin + len(piece) :]
            case 1:
                chunks.insert(tape.number(len(chunks) + 1), (kind, content))
            case 2 if len(chunks) > 1:
                del chunks[at]
            case 3:
                chunks[at] = tape.pick(PIECES[:10]), content
            case _:
                chunks[at] = kind, content[:begin]
    return png_of(chunks)


def _as_texts() -> list[str]:
    encoded = [base64.b64encode(seed).decode() for seed in SEEDS]
    urls = [f"data:image/png;base64,{text}" for text in encoded]
    lines = ["\n".join(text[at : at + 76] for at in range(0, len(text), 76)) for text in encoded]
    lost = [text.replace("+", " ") for text in encoded]
    links = ["https://example.org/a.png", " http://example.org/a b"]
    return [*encoded, *urls, *lines, *lost, *map(quote, urls), *links]


@contextmanager
def _pillow_silent() -> Iterator[None]:
    """Silence Pillow's warnings, of many pixels and of damage that it passes over; tests make errors of some."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _image(case: bytes) -> None:
    with _pillow_silent():
        image = image_from_bytes(case, "image", LIMITS)
    assert image.data == case
    assert image.width > 0
    assert image.height > 0
    assert image.extension in {"png", "jpg", "webp", "gif"}


def _mask(case: bytes) -> None:
    with _pillow_silent():
        mask = mask_from_bytes(case, "mask", LIMITS, (16, 16))
    assert (mask.width, mask.height, mask.content_type) == (16, 16, "image/png")


def _text(case: bytes) -> None:
    image = image_from_text(case.decode("utf-8", "replace"), "image", LIMITS)
    assert image


def _base64(case: bytes) -> None:
    characters = characters_from(case.decode("utf-8", "replace"))
    assert len(bytes_from(characters)) == len(characters) * 3 // 4


TARGETS = (
    Target("pictures", either(files(SEEDS, PIECES), pngs(PNGS)), _image, (InvalidField,)),
    Target("masks", either(pngs(MASKS), files(MASKS, PIECES)), _mask, (InvalidField,)),
    Target(
        "pictures-as-text", texts(_as_texts(), ("data:image/png;base64,", "=", "==", "%2B")), _text, (InvalidField,)
    ),
    Target("base64", texts(_as_texts(), ("=", "-", "_", "%2b", "%0A")), _base64, (ValueError,)),
)
