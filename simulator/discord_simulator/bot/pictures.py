"""Frames as files: results with their origin written into the PNG, and the previews on the way.

A result carries the text chunks `midway:job`, `midway:prompt` and `midway:quadrant` ("1-4" for a grid),
and `midway:grid` on a pick, so that a test can say whose picture it holds.
"""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image, PngImagePlugin

from ..messages import Picture
from .content import file_stem
from .frames import Frame, grid_of
from .pixel_cache import PixelCache

PreviewStyle = Literal["grid_webp", "step_jpeg"]
PREVIEW_EDGE = 320  # pixels of the longer side
COARSEST_BLOCKS = 10  # the preview at 0 % shows so many blocks along its longer side
REDUCED_BYTES = 192 << 20  # kept while their jobs run: a job shows five previews, and 480 may run at once
MANY_PIXELS = 2_000_000  # from which on a result has grain, in which no repetition is found: nobody looks for it then
HUFFMAN_ONLY = 2  # zlib's strategy


def result_picture(frames: tuple[Frame, ...], *, username: str, prompt: str, job_id: str) -> Picture:
    """Draw a job's result as the PNG that ends it."""
    image = grid_of(frames)
    quadrant = "1-4" if len(frames) > 1 else str(frames[0].index)
    data = _png(image, {"job": job_id, "prompt": prompt, "quadrant": quadrant, "grid": frames[0].job_id})
    return Picture(f"{file_stem(username, prompt)}_{job_id}.png", "image/png", data, *image.size)


def preview_picture(frames: tuple[Frame, ...], *, job_id: str, percent: int, step: int, style: PreviewStyle) -> Picture:
    """Draw how far a running job is: small, and the coarser the earlier."""
    if style == "step_jpeg":
        image = _coarse(frames[:1], percent)
        name = f"{job_id}_{frames[0].index}_step_{step}.jpeg"
        return Picture(name, "image/jpeg", _encoded(image, "JPEG"), *image.size, ephemeral=True)
    image = _coarse(frames, percent)
    if len(frames) == 1:
        return Picture(f"{job_id}_0_0.png", "image/png", _encoded(image, "PNG"), *image.size)
    return Picture(f"{job_id}_grid_0.webp", "image/webp", _encoded(image, "WEBP"), *image.size)


def _coarse(frames: tuple[Frame, ...], percent: int) -> Image.Image:
    """Give a small picture that still lacks detail: shrunk to a few blocks and enlarged again, which is cheap."""
    image = reduced(frames)
    longer = max(image.size)
    blocks = COARSEST_BLOCKS + (longer - COARSEST_BLOCKS) * percent // 100
    shrunk = (max(1, image.width * blocks // longer), max(1, image.height * blocks // longer))
    return image.resize(shrunk, Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)


def _reduce(frames: tuple[Frame, ...]) -> Image.Image:
    image = grid_of(frames)
    factor = PREVIEW_EDGE / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BOX)


reduced = PixelCache(_reduce, max_bytes=REDUCED_BYTES)  # gives the result in the size of previews, for all of a job's


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=60, method=0, compress_level=1)
    return buffer.getvalue()


def _png(image: Image.Image, texts: dict[str, str]) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(f"midway:{key}", text)
    buffer = io.BytesIO()
    strategy = HUFFMAN_ONLY if image.width * image.height >= MANY_PIXELS else -1
    image.save(buffer, "PNG", pnginfo=chunks, compress_level=1, compress_type=strategy)  # speed matters more than size
    return buffer.getvalue()
