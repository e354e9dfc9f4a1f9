"""Reads a picture file's structure: type, size, frames, scans, and whether the file is complete.

Nothing is decoded. The blocks of a file are followed from one to the next, so the work depends only on the file's size
in bytes, not on its pixels, frames or scans. Damage inside a block is found only where the format has checksums (PNG).
Bytes after the end of the picture are ignored, as in browsers.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from msgspec import Struct

# Each block, however small, costs a step in Python. Encoders write thousands of bytes per block (GIF up to 255).
FREE_BLOCKS = 10_000
LEAST_BYTES_A_BLOCK = 64  # on average, in a file with more blocks than that

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # bits, by colour type
_PNG_CHUNK = struct.Struct(">I4s")
_CRC = struct.Struct(">I")

_SCANNED_AT_ONCE = 1 << 18  # bytes in one regex search, after which other threads can take the GIL
# Within a scan, 0xFF00 is a data byte, D0 to D7 are restart markers, and repeated FF are fill bytes.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_FILLED_MARKER = re.compile(rb"\xff++[^\x00\xd0-\xd7\xff]")
_JPEG_FRAMES = frozenset(b"\xc0\xc1\xc2\xc9\xca")  # what libjpeg decodes: baseline, extended and progressive
_JPEG_TABLES = frozenset(b"\xc4\xcc")  # table markers, whose codes are among those of frames
# Refused: frames of other kinds, a second frame, and a second start of image.
_JPEG_REFUSED = frozenset(range(0xC0, 0xD0)) - _JPEG_TABLES | {0xD8}
_END, _SCAN = 0xD9, 0xDA

_GIF_TRAILER, _GIF_EXTENSION, _GIF_IMAGE = b";!,"


class PictureStructure(Struct, frozen=True):
    """What a file's headers and blocks say of its picture."""

    content_type: str
    width: int  # pixels
    height: int
    frames: int = 1  # of an animation
    scans: int = 1  # of a JPEG


class Damaged(ValueError):
    """The file is malformed, or ends too early."""


class _Blocks:
    """Counts blocks, and raises Damaged when a file has too many for its size."""

    def __init__(self, data: bytes) -> None:
        self._left = FREE_BLOCKS + len(data) // LEAST_BYTES_A_BLOCK

    def count(self, blocks: int = 1) -> None:
        self._left -= blocks
        if self._left < 0:
            raise Damaged("is cut into too many blocks")


def structure_of(data: bytes) -> PictureStructure | None:
    """Return the structure of a picture file; None when its format is not one of `_READERS`.

    Raises Damaged.
    """
    for signature, read in _READERS.items():
        if signature.match(data):
            try:
                structure = read(data)
            except (IndexError, struct.error) as err:
                raise Damaged("ends too early") from err
            if not (structure.width and structure.height):
                raise Damaged("has no pixels")
            return structure
    return None


def _png(data: bytes) -> PictureStructure:
    chunks = _png_chunks(data)
    kind, at, size = next(chunks)
    if kind != b"IHDR" or size != 13:
        raise Damaged("begins with no header")
    width, height, depth, colours = struct.unpack_from(">IIBB", data, at)
    if depth not in _PNG_DEPTHS.get(colours, ()):
        raise Damaged("has no such colours")
    frames, has_pixels = 0, False
    for kind, _, _ in chunks:
        frames += kind == b"fcTL"
        has_pixels |= kind == b"IDAT"
    if not has_pixels:
        raise Damaged("has no pixels")
    return PictureStructure("image/png", width, height, frames=max(frames, 1))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's type, offset and size (bytes), up to IEND."""
    at, kind, blocks, view = len(_PNG), b"", _Blocks(data), memoryview(data)
    while kind != b"IEND":
        blocks.count()
        size, kind = _PNG_CHUNK.unpack_from(data, at)
        [crc] = _CRC.unpack_from(data, at + 8 + size)
        if zlib.crc32(view[at + 4 : at + 8 + size]) != crc:
            raise Damaged("has a wrong checksum")
        yield kind, at + 8, size
        at += 12 + size


def _jpeg(data: bytes) -> PictureStructure:
    width = height = scans = 0
    at, blocks = 2, _Blocks(data)
    while True:
        blocks.count()
        found = _JPEG_FILLED_MARKER.match(data, at)
        if not found:
            raise Damaged("has no marker where one belongs")
        at, marker = found.end(), found[0][-1]
        if marker == _END:
            break
        if marker in _JPEG_FRAMES and not height:
            height, width = struct.unpack_from(">HH", data, at + 3)
        elif marker in _JPEG_REFUSED:
            raise Damaged("has a marker that does not belong here")
        at += _jpeg_length(data, at)
        if marker == _SCAN:
            scans += 1
            at = _after_scan(data, at)
    if not scans:
        raise Damaged("has no pixels")
    return PictureStructure("image/jpeg", width, height, scans=scans)


def _jpeg_length(data: bytes, at: int) -> int:
    """Return a segment's length in bytes, which includes the two bytes of the length itself."""
    [size] = struct.unpack_from(">H", data, at)
    if size < 2:
        raise Damaged("has a block without a length")
    return int(size)


def _after_scan(data: bytes, at: int) -> int:
    """Return the offset of the first marker after the scan."""
    while at < len(data):
        end = at + _SCANNED_AT_ONCE
        if found := _JPEG_MARKER.search(data, at, end):
            return found.start()
        at = end - 1  # the marker's two bytes may be on both sides of `end`
    raise Damaged("ends too early")


def _webp(data: bytes) -> PictureStructure:
    [size] = struct.unpack_from("<I", data, 4)
    end = size + 8
    if end > len(data):
        raise Damaged("ends too early")
    at, frames, canvas, blocks = 12, 0, None, _Blocks(data)
    while at + 8 <= end:
        blocks.count()
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > end:
            raise Damaged("ends too early")
        if kind in _WEBP_SIZES:
            canvas = canvas or _WEBP_SIZES[kind](data, at + 8)  # the first one is the whole picture's
        frames += kind in _WEBP_PICTURES
        at += 8 + size + size % 2
    if not (canvas and frames):
        raise Damaged("has no pixels")
    return PictureStructure("image/webp", *canvas, frames=frames)


def _vp8_size(data: bytes, at: int) -> tuple[int, int]:
    if data[at + 3 : at + 6] != b"\x9d\x01\x2a":
        raise Damaged("has no pixels")
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l_size(data: bytes, at: int) -> tuple[int, int]:
    signature, bits = struct.unpack_from("<BI", data, at)
    if signature != 0x2F:
        raise Damaged("has no pixels")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _vp8x_size(data: bytes, at: int) -> tuple[int, int]:
    low = struct.unpack_from("<HBHB", data, at + 4)
    return (low[0] | low[1] << 16) + 1, (low[2] | low[3] << 16) + 1


def _gif(data: bytes) -> PictureStructure:
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    at, frames, blocks = 13 + _gif_table(packed), 0, _Blocks(data)
    # Browsers take any other byte between two blocks as the end of the picture.
    while (introducer := data[at]) in {_GIF_EXTENSION, _GIF_IMAGE}:
        if introducer == _GIF_IMAGE:
            left, top, wide, high, packed = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            at += 11 + _gif_table(packed)
        else:
            at += 2
        at = _after_sub_blocks(data, at, blocks)
    if not frames:
        raise Damaged("has no pixels")
    return PictureStructure("image/gif", width, height, frames=frames)


def _gif_table(packed: int) -> int:
    """Return the size of the colour table in bytes; 0 when there is none."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int, blocks: _Blocks) -> int:
    """Return the offset after a sequence of sub-blocks: each is a length byte and so many bytes; 0 ends them."""
    sub_blocks = 1
    while size := data[at]:
        at += size + 1
        sub_blocks += 1
        if not sub_blocks % 1000:
            blocks.count(1000)
    blocks.count(sub_blocks % 1000)
    return at + 1


_WEBP_SIZES: dict[bytes, Callable[[bytes, int], tuple[int, int]]] = {
    b"VP8X": _vp8x_size,
    b"VP8 ": _vp8_size,
    b"VP8L": _vp8l_size,
}
_WEBP_PICTURES = (b"VP8 ", b"VP8L", b"ANMF")
_READERS: dict[re.Pattern[bytes], Callable[[bytes], PictureStructure]] = {
    re.compile(re.escape(_PNG)): _png,
    re.compile(rb"\xff\xd8\xff"): _jpeg,
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL): _webp,
    re.compile(rb"GIF8[79]a"): _gif,
}
