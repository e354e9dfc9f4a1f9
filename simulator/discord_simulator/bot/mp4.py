"""MP4 files (ISO 14496-12) with one AV1 track, from what Pillow writes as AVIF image sequences.

An AVIF sequence is the same container under another brand, with its samples (encoded frames) in one piece.
Here the samples of several are put behind one index. It comes first, so that a player may begin and seek before the
whole file is there, and every clip begins with a key frame to which a player can jump.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from

BRANDS = b"isom\x00\x00\x02\x00isomiso6av01mp41"
CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # the boxes whose boxes are read here
TICKS = 1000  # of the track's clock for each frame
MILLISECONDS = 1000  # the film's clock: ticks a second
MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # the identity matrix: no transformation
UNDETERMINED = 0x55C4  # the language "und"


@dataclass(frozen=True)
class Clip:
    """The encoded frames of one AVIF image sequence; the first is a key frame, and the only one."""

    description: bytes  # the stsd box: codec, size and the codec's own header
    sizes: tuple[int, ...]  # of each frame, in bytes
    samples: bytes


def read_clip(avif: bytes) -> Clip:
    """Take the samples out of an AVIF image sequence as libavif writes it: one track, one chunk."""
    boxes = dict(_boxes(avif, 0, len(avif)))
    start, end = boxes[b"stsz"]
    sizes = unpack_from(f">{(end - start - 12) // 4}I", avif, start + 12)
    (offset,) = unpack_from(">I", avif, boxes[b"stco"][0] + 8)
    start, end = boxes[b"stsd"]
    return Clip(avif[start - 8 : end], sizes, avif[offset : offset + sum(sizes)])


def mp4(clips: Sequence[Clip], *, size: tuple[int, int], frames_per_second: int) -> bytes:
    """Put clips of one size and encoder one after the other; the same frames always give the same file."""
    brands = _box(b"ftyp", BRANDS)
    index = _index(clips, size, frames_per_second, 0)
    place = len(brands) + len(index) + 8  # of the first sample
    index = _index(clips, size, frames_per_second, place)
    samples = [clip.samples for clip in clips]
    return b"".join((brands, index, pack(">I4s", 8 + sum(map(len, samples)), b"mdat"), *samples))


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Walk the boxes, outer before inner: kind, and where its content begins and ends."""
    while start < end:
        size, kind = unpack_from(">I4s", data, start)
        yield kind, (start + 8, start + size)
        if kind in CONTAINERS:
            yield from _boxes(data, start + 8, start + size)
        start += size


def _box(kind: bytes, *content: bytes) -> bytes:
    return pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def _full(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    """Make a box that has a version (0) and flags."""
    return _box(kind, pack(">I", flags), *content)


def _index(clips: Sequence[Clip], size: tuple[int, int], frames_per_second: int, place: int) -> bytes:
    count = sum(len(clip.sizes) for clip in clips)
    length = count * MILLISECONDS // frames_per_second
    speed_and_volume = pack(">IH", 0x10000, 0x100)  # both normal
    times = pack(">4I", 0, 0, MILLISECONDS, length)
    movie = _full(b"mvhd", times, speed_and_volume, bytes(10), MATRIX, bytes(24), pack(">I", 2))
    shown = pack(">2I", size[0] << 16, size[1] << 16)
    track = _full(b"tkhd", pack(">5I", 0, 0, 1, 0, length), bytes(16), MATRIX, shown, flags=3)
    clock = _full(b"mdhd", pack(">4I2H", 0, 0, frames_per_second * TICKS, count * TICKS, UNDETERMINED, 0))
    handler = _full(b"hdlr", bytes(4), b"vide", bytes(13))
    here = _box(b"dinf", _full(b"dref", pack(">I", 1), _full(b"url ", flags=1)))
    media = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), here, _samples(clips, count, place))
    return _box(b"moov", movie, _box(b"trak", track, _box(b"mdia", clock, handler, media)))


def _samples(clips: Sequence[Clip], count: int, place: int) -> bytes:
    """Write the tables of the samples: their durations, sizes and offsets, and which are key frames."""
    sizes = [size for clip in clips for size in clip.sizes]
    keys = [1]
    for clip in clips[:-1]:
        keys.append(keys[-1] + len(clip.sizes))
    return _box(
        b"stbl",
        clips[0].description,
        _full(b"stts", pack(">3I", 1, count, TICKS)),
        _full(b"stsc", pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", pack(f">2I{count}I", 0, count, *sizes)),
        _full(b"stco", pack(">2I", 1, place)),
        _full(b"stss", pack(f">I{len(keys)}I", len(keys), *keys)),
    )
