"""Short, truly playable MP4 videos: a slow camera move over a frame.

Pillow encodes AV1 but writes it as an AVIF image sequence. That is the same container as MP4 (ISO 14496-12)
under another brand; a handful of fields make a video track of it, and all sizes and offsets stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from ..messages import Picture
from .frames import Frame

FRAME_COUNT = 12
FRAME_MS = 125  # 8 frames a second
VIDEO_EDGE = 320  # pixels
ENCODER_SPEED = 10  # the fastest of libavif's; a test makes dozens
TRAVEL = {"low": 0.04, "high": 0.16}  # of the frame, how far the camera moves

CONTAINERS = (b"moov", b"trak", b"mdia", b"edts")  # boxes that hold the boxes changed here
MP4_BRANDS = b"isom\x00\x00\x02\x00isomiso6av01mp41"


def video_picture(frames: tuple[Frame, ...], *, job_id: str, motion: str) -> Picture:
    """Make the MP4 of a job: the frames one after the other, each with its camera move."""
    images = [image for frame in frames for image in _camera_move(frame, motion)]
    return Picture(f"{job_id}_0.mp4", "video/mp4", mp4_from_images(images), *images[0].size)


def mp4_from_images(images: list[Image.Image]) -> bytes:
    """Encode pictures of one size as an MP4 with one AV1 track."""
    buffer = io.BytesIO()
    first, *others = images
    first.save(
        buffer,
        "AVIF",
        save_all=True,
        append_images=others,
        duration=FRAME_MS,
        speed=ENCODER_SPEED,
        quality=45,
        max_threads=1,
    )
    data = bytearray(buffer.getvalue())
    _turn_into_mp4(data, duration_ms=FRAME_MS * len(images))
    return bytes(data)


def _camera_move(frame: Frame, motion: str) -> Iterator[Image.Image]:
    image = frame.draw().copy()
    image.thumbnail((VIDEO_EDGE, VIDEO_EDGE))
    size = (image.width // 2 * 2, image.height // 2 * 2)
    for number in range(FRAME_COUNT):
        inset = TRAVEL[motion] * number / FRAME_COUNT
        box = (image.width * inset, image.height * inset, image.width * (1 - inset), image.height)
        yield image.resize(size, Image.Resampling.BILINEAR, box)


def _turn_into_mp4(data: bytearray, *, duration_ms: int) -> None:
    """Change in place what tells an AVIF sequence from an MP4: brand, handler, and the endless repetition.

    libavif writes version 1 boxes in milliseconds; the creation times become 0 so that the same frames
    give the same file.
    """
    duration = duration_ms.to_bytes(8, "big")
    for kind, start, end in _boxes(data, 0, len(data)):
        match kind:
            case b"ftyp":
                data[start:end] = MP4_BRANDS.ljust(end - start, b"\x00")[: end - start]
            case b"hdlr" if data[start + 8 : start + 12] == b"pict":
                data[start + 8 : start + 12] = b"vide"
            case b"mvhd":
                data[start + 4 : start + 20] = bytes(16)
                data[start + 24 : start + 32] = duration
            case b"tkhd":
                data[start + 4 : start + 20] = bytes(16)
                data[start + 28 : start + 36] = duration
            case b"mdhd":
                data[start + 4 : start + 20] = bytes(16)
            case b"elst":
                data[start + 3] = 0  # play once
            case b"meta":
                data[start - 4 : start] = b"free"  # the still image's description; no part of a video


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk the boxes, outer before inner: kind, and where its content begins and ends."""
    while start < end:
        size = int.from_bytes(data[start : start + 4], "big")
        kind = bytes(data[start + 4 : start + 8])
        yield kind, start + 8, start + size
        if kind in CONTAINERS:
            yield from _boxes(data, start + 8, start + size)
        start += size
