"""Frames as files: results with their origin written into the PNG, and the previews on the way.

A result carries the text chunks `midway:job`, `midway:prompt` and `midway:quadrant` ("1-4" for a grid),
and `midway:grid` on a pick, so that a test can say whose picture it holds.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

from PIL import Image, PngImagePlugin

from ..attachments import LatePicture, Picture
from .art import Size
from .content import file_stem
from .frames import Frame, grid_of, grid_size
from .pixel_cache import PixelCache

PreviewStyle = Literal["grid_webp", "step_jpeg"]
PREVIEW_EDGE = 320  # pixels of the longer side
COARSEST_BLOCKS = 10  # blocks along the longer side of the preview at 0 %
REDUCED_BYTES = 192 << 20  # kept while their jobs run: a job shows five previews, and 480 may run at once
MANY_PIXELS = 2_000_000  # from this on, a result has grain, in which no repetition is found: Huffman coding only
HUFFMAN_ONLY = 2  # zlib's strategy
LATE_ROOM = 4096  # bytes of a file that are neither pixels nor texts, at most


def result_picture(frames: tuple[Frame, ...], *, username: str, prompt: str, job_id: str) -> Picture:
    """Draw a job's result as the PNG that ends it."""
    image = grid_of(frames)
    data = _png(image, _origin(frames, prompt, job_id))
    return Picture(_result_name(username, prompt, job_id), "image/png", data, *image.size)


def late_result(frames: tuple[Frame, ...], *, username: str, prompt: str, job_id: str) -> LatePicture:
    """Describe the same before it is drawn."""
    texts = _origin(frames, prompt, job_id)
    size, file_bytes = grid_size(frames), _late_bytes(grid_size(frames), texts)
    name = _result_name(username, prompt, job_id)
    return LatePicture(
        name,
        "image/png",
        file_bytes,
        *size,
        draw=lambda: _filled(partial(_png, texts=texts), grid_of(frames), file_bytes),
    )


@dataclass(frozen=True)
class PreviewForm:
    """What kind of file a preview is, and what it shows."""

    filename: str
    kind: str  # as Pillow names it
    frames: tuple[Frame, ...]
    is_ephemeral: bool = False

    @property
    def content_type(self) -> str:
        return f"image/{self.kind.lower()}"


def preview_form(frames: tuple[Frame, ...], *, job_id: str, step: int, style: PreviewStyle) -> PreviewForm:
    """Choose how a running job is shown."""
    if style == "step_jpeg":
        return PreviewForm(f"{job_id}_{frames[0].index}_step_{step}.jpeg", "JPEG", frames[:1], is_ephemeral=True)
    if len(frames) == 1:
        return PreviewForm(f"{job_id}_0_0.png", "PNG", frames)
    return PreviewForm(f"{job_id}_grid_0.webp", "WEBP", frames)


def preview_picture(frames: tuple[Frame, ...], *, job_id: str, percent: int, step: int, style: PreviewStyle) -> Picture:
    """Draw how far a running job is: small, and the coarser the earlier."""
    form = preview_form(frames, job_id=job_id, step=step, style=style)
    image = _coarse(form.frames, percent)
    return Picture(form.filename, form.content_type, _encoded(image, form.kind), *image.size, form.is_ephemeral)


def late_preview(form: PreviewForm, percent: int) -> LatePicture:
    """Describe a preview before it is drawn."""
    size = _reduced_size(form.frames)
    file_bytes = _late_bytes(size)

    def draw() -> bytes:
        return _filled(partial(_encoded, kind=form.kind), _coarse(form.frames, percent), file_bytes)

    return LatePicture(form.filename, form.content_type, file_bytes, *size, form.is_ephemeral, draw=draw)


def _result_name(username: str, prompt: str, job_id: str) -> str:
    return f"{file_stem(username, prompt)}_{job_id}.png"


def _origin(frames: tuple[Frame, ...], prompt: str, job_id: str) -> dict[str, str]:
    """Say in a result's text chunks whose it is."""
    quadrant = "1-4" if len(frames) > 1 else str(frames[0].index)
    return {"job": job_id, "prompt": prompt, "quadrant": quadrant, "grid": frames[0].job_id}


def _coarse(frames: tuple[Frame, ...], percent: int) -> Image.Image:
    """Return a small picture that still lacks detail: shrunk to a few blocks and enlarged again, which is cheap."""
    image = reduced(frames)
    longer = max(image.size)
    blocks = COARSEST_BLOCKS + (longer - COARSEST_BLOCKS) * percent // 100
    shrunk = (max(1, image.width * blocks // longer), max(1, image.height * blocks // longer))
    return image.resize(shrunk, Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)


def _reduce(frames: tuple[Frame, ...]) -> Image.Image:
    return grid_of(frames).resize(_reduced_size(frames), Image.Resampling.BOX)


def _reduced_size(frames: tuple[Frame, ...]) -> Size:
    width, height = grid_size(frames)
    factor = PREVIEW_EDGE / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


reduced = PixelCache(_reduce, max_bytes=REDUCED_BYTES)  # gives the result in the size of previews, for all of a job's


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=60, method=0, compress_level=1)
    return buffer.getvalue()


def _png(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(f"midway:{key}", text)
    buffer = io.BytesIO()
    strategy = HUFFMAN_ONLY if image.width * image.height >= MANY_PIXELS else -1
    image.save(buffer, "PNG", pnginfo=chunks, compress_level=1, compress_type=strategy)  # speed matters more than size
    return buffer.getvalue()


def _late_bytes(size: Size, texts: Mapping[str, str] = MappingProxyType({})) -> int:
    """Choose the size of a file that is not drawn yet: a byte per pixel, twice what a drawing usually takes."""
    return size[0] * size[1] + LATE_ROOM + sum(len(text.encode()) for text in texts.values())


def _filled(encode: Callable[[Image.Image], bytes], image: Image.Image, file_bytes: int) -> bytes:
    """Encode a picture and fill its file up with zeros, which every decoder passes over.

    What is too large, as a photo may be, gets along with 256 colours.
    """
    data = encode(image)
    if len(data) > file_bytes:
        data = encode(image.quantize(dither=Image.Dither.NONE))
    return data.ljust(file_bytes, b"\0")
