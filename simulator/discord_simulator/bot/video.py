"""Short, truly playable MP4 films: a slow camera move over a frame. Pillow encodes their pictures as AV1."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from ..attachments import Picture
from .frames import Frame
from .mp4 import Clip, mp4, read_clip
from .texture import grained

TRAVEL = {"low": 0.04, "high": 0.16}  # of the frame, how far the camera moves
ENCODER_SPEED = 10  # the fastest of libavif's; a test makes dozens
FilmFormat = Literal["mp4", "webp"]
MILLISECONDS_A_FRAME = 40  # for the encoder only; the film has its own timing


@dataclass(frozen=True)
class Film:
    """How a film is made: clips that end where they begin can be repeated without a cut."""

    area: int  # pixels of its pictures
    frames: int  # of a clip
    frames_per_second: int
    rounds: int  # how often each clip is shown
    quality: int  # of the encoder, up to 100
    returns: bool  # the camera goes back to where it began
    is_grainy: bool


SMALL_FILM = Film(320 * 320, 12, 8, rounds=1, quality=45, returns=False, is_grainy=False)
REAL_FILM = Film(624 * 624, 24, 24, rounds=5, quality=90, returns=True, is_grainy=True)  # five seconds, some 8 MB


def video_picture(
    frames: tuple[Frame, ...], *, job_id: str, motion: str, film: Film = SMALL_FILM, least_bytes: int = 0
) -> Picture:
    """Make the MP4 of a job: one clip for each frame, one after the other.

    The clips are repeated until the film has `least_bytes`: it gets longer without more drawing.
    """
    size = _size(frames[0], film)
    clips = [_clip(frame, motion, film, size) for frame in frames]
    weight = sum(len(clip.samples) for clip in clips)
    rounds = max(film.rounds, math.ceil(least_bytes / weight))
    shown = [clip for clip in clips for _ in range(rounds)]
    data = mp4(shown, size=size, frames_per_second=film.frames_per_second)
    return Picture(f"{job_id}_0.mp4", "video/mp4", data, *size)


def moving_picture(frames: tuple[Frame, ...], *, job_id: str, motion: str, film: Film = SMALL_FILM) -> Picture:
    """Make the animated WebP that the bot posts in place of an MP4: the clips in one picture, as in a grid."""
    first, *others = _tiled([_camera_move(frame, motion, film, _size(frame, film)) for frame in frames])
    buffer = io.BytesIO()
    duration = 1000 // film.frames_per_second
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=duration, quality=film.quality, method=0)
    return Picture(f"video_{job_id}.webp", "image/webp", buffer.getvalue(), *first.size)


def _tiled(clips: list[Iterator[Image.Image]]) -> list[Image.Image]:
    """Put the clips' pictures of each moment side by side, two in a row."""
    columns = min(2, len(clips))
    pictures = []
    for shown in zip(*clips, strict=True):
        width, height = shown[0].size
        sheet = Image.new("RGB", (width * columns, height * math.ceil(len(shown) / columns)))
        for number, image in enumerate(shown):
            sheet.paste(image, (number % columns * width, number // columns * height))
        pictures.append(sheet)
    return pictures


def _size(frame: Frame, film: Film) -> tuple[int, int]:
    """Return the even-sided size of the film's pictures; never larger than the frame's own."""
    factor = min(1.0, math.sqrt(film.area / (frame.size[0] * frame.size[1])))
    return int(frame.size[0] * factor) // 2 * 2, int(frame.size[1] * factor) // 2 * 2


def _clip(frame: Frame, motion: str, film: Film, size: tuple[int, int]) -> Clip:
    first, *others = _camera_move(frame, motion, film, size)
    buffer = io.BytesIO()
    first.save(
        buffer,
        "AVIF",
        save_all=True,
        append_images=others,
        duration=MILLISECONDS_A_FRAME,
        speed=ENCODER_SPEED,
        quality=film.quality,
        max_threads=1,
    )
    return read_clip(buffer.getvalue())


def _camera_move(frame: Frame, motion: str, film: Film, size: tuple[int, int]) -> Iterator[Image.Image]:
    image = frame.draw()
    for number in range(film.frames):
        part = number / film.frames
        inset = TRAVEL[motion] * ((1 - math.cos(2 * math.pi * part)) / 2 if film.returns else part)
        box = (image.width * inset, image.height * inset, image.width * (1 - inset), image.height)
        shown = image.resize(size, Image.Resampling.BILINEAR, box)
        yield grained(shown, f"{frame.job_id}:{frame.index}:{number}") if film.is_grainy else shown
