"""Small files that cost whoever decodes them far more than their bytes."""

import io
import struct
import zlib

import PIL.Image

END_OF_JPEG = b"\xff\xd9"
SCAN = b"\xff\xda"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Write a chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, depth: int = 8, colours: int = 0, *chunks: bytes) -> bytes:
    """Write a PNG of one value; `chunks` stand before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    line, packer = b"\0" * (1 + (width * depth * channels + 7) // 8), zlib.compressobj(1)
    pixels = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    end = png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(chunks) + end


def jpeg_of_scans(scans: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """Write a progressive JPEG in which its last scan is repeated: a decoder goes over all pixels for each."""
    file = io.BytesIO()
    PIL.Image.new("RGB", size, "teal").save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(SCAN)
    head, scan = data[:last], data[last : -len(END_OF_JPEG)]
    return head + scan * (scans - head.count(SCAN)) + END_OF_JPEG


def animation(kind: str, frames: int, size: tuple[int, int] = (16, 16)) -> bytes:
    """Write a GIF, WEBP or PNG of so many frames that differ."""
    pictures = [PIL.Image.new("RGB", size, (number % 256, number // 256, 90)) for number in range(frames)]
    file = io.BytesIO()
    pictures[0].save(file, kind, save_all=True, append_images=pictures[1:], duration=20, **_FASTEST.get(kind, {}))
    return file.getvalue()


_FASTEST = {"WEBP": {"lossless": True, "method": 0}}
