"""Frames as files: results with their origin written into the PNG, and the previews on the way.

A result carries the text chunks `midway:job`, `midway:prompt` and `midway:quadrant` ("1-4" for a grid),
and `midway:grid` on a pick, so that a test can say whose picture it holds.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageFilter, PngImagePlugin

from ..messages import Picture
from .content import file_stem
from .frames import Frame, grid_of

PreviewStyle = Literal["grid_webp", "step_jpeg"]
PREVIEW_EDGE = 384  # pixels, as in captured previews
SMALL_KEPT = 128  # unblurred previews kept, 55 MB at most: a job shows five, and many jobs run at once
BLUR_AT_START = 12.0  # pixels of radius at 0 %


def result_picture(frames: tuple[Frame, ...], *, username: str, prompt: str, job_id: str) -> Picture:
    """Draw a job's result as the PNG that ends it."""
    image = grid_of(frames)
    quadrant = "1-4" if len(frames) > 1 else str(frames[0].index)
    data = _png(image, {"job": job_id, "prompt": prompt, "quadrant": quadrant, "grid": frames[0].job_id})
    return Picture(f"{file_stem(username, prompt)}_{job_id}.png", "image/png", data, *image.size)


def preview_picture(frames: tuple[Frame, ...], *, job_id: str, percent: int, step: int, style: PreviewStyle) -> Picture:
    """Draw how far a running job is: small, and the blurrier the earlier."""
    blur = ImageFilter.GaussianBlur(BLUR_AT_START * (100 - percent) / 100)
    if style == "step_jpeg":
        image = _small(frames[:1]).filter(blur)
        name = f"{job_id}_{frames[0].index}_step_{step}.jpeg"
        return Picture(name, "image/jpeg", _encoded(image, "JPEG"), *image.size, ephemeral=True)
    image = _small(frames).filter(blur)
    if len(frames) == 1:
        return Picture(f"{job_id}_0_0.png", "image/png", _encoded(image, "PNG"), *image.size)
    return Picture(f"{job_id}_grid_0.webp", "image/webp", _encoded(image, "WEBP"), *image.size)


@lru_cache(maxsize=SMALL_KEPT)
def _small(frames: tuple[Frame, ...]) -> Image.Image:
    small = grid_of(frames).copy()
    small.thumbnail((PREVIEW_EDGE, PREVIEW_EDGE))
    return small


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=60, method=0, compress_level=1)
    return buffer.getvalue()


def _png(image: Image.Image, texts: dict[str, str]) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(f"midway:{key}", text)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks, compress_level=1)  # speed matters more than size here
    return buffer.getvalue()
