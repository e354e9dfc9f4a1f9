"""How each kind of job draws its pictures: stored in the job, so that a reroll can use the same recipe."""

from __future__ import annotations

from typing import Protocol

from .art import SMALL, Art, Canvas, Enlarged, Mixed, Painted, Panned, Photo, Repainted, Zoomed, size_for
from .prompt import Prompt


class Recipe(Protocol):
    """Job id and prompt to one art, or the four of a grid."""

    def __call__(self, job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        """Describe the art."""


STRONG, SUBTLE = 0.65, 0.25  # how much of a variation is new
IMAGE_PROMPT_SHARE = 0.5  # of the result, for all image prompts together
BLEND_NOVELTY = 0.1  # of a blend that is none of its pictures, so that the four differ
CONTENTS_OF_A_GRID = range(1, 5)


def imagined(images: tuple[bytes, ...]) -> Recipe:
    """New pictures; image prompts shimmer through."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        size = size_for(prompt.ratio, canvas.area)
        photos = tuple(Photo(image, size, canvas.is_detailed) for image in images)
        return tuple(_with_photos(art, photos) for art in _paintings(job_id, prompt, size, canvas))

    return recipe


def blended(images: tuple[bytes, ...]) -> Recipe:
    """The pictures sent, laid over each other in equal parts, with a touch of something new."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        size = size_for(prompt.ratio, canvas.area)
        photos = tuple(Photo(image, size, canvas.is_detailed) for image in images)
        share = (1 - BLEND_NOVELTY) / len(photos)
        weights = (*[share] * len(photos), BLEND_NOVELTY)
        return tuple(Mixed((*photos, art), weights) for art in _paintings(job_id, prompt, size, canvas))

    return recipe


def varied(source: Art, novelty: float) -> Recipe:
    """The source, overlaid by something new."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        paintings = _paintings(job_id, prompt, source.size, canvas)
        return tuple(Mixed((source, art), (1 - novelty, novelty)) for art in paintings)

    return recipe


def zoomed(source: Art, factor: float, ratio: float | None = None) -> Recipe:
    """The source in the middle of more; a custom zoom may ask for another aspect ratio."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        size = size_for(ratio, canvas.area) if ratio else source.size
        return tuple(Zoomed(source, factor, art) for art in _paintings(job_id, prompt, size, canvas))

    return recipe


def panned(source: Art, direction: str) -> Recipe:
    """The source at one side of a longer canvas."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        return tuple(Panned(source, direction, f"{job_id}:{n}", prompt.words, canvas) for n in CONTENTS_OF_A_GRID)

    return recipe


def repainted(source: Art, mask_png: bytes) -> Recipe:
    """The source with something new where the mask is white."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        return tuple(Repainted(source, art, mask_png) for art in _paintings(job_id, prompt, source.size, canvas))

    return recipe


def enlarged(source: Art, flavour: str) -> Recipe:
    """The one source with more pixels."""
    factor, is_creative = 4 if flavour == "4x" else 2, flavour == "Creative"

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:  # noqa: ARG001 - a Recipe's signature
        return (Enlarged(source, factor, is_creative, canvas.is_detailed),)

    return recipe


def animated(source: Art, count: int) -> Recipe:
    """The source as the first frame of some videos."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        paintings = _paintings(job_id, prompt, source.size, canvas)[:count]
        return tuple(Mixed((source, art), (1 - SUBTLE, SUBTLE)) for art in paintings)

    return recipe


def filmed(image: bytes | None, count: int) -> Recipe:
    """The picture sent as the first frame of some videos; something new where it could not be read."""

    def recipe(job_id: str, prompt: Prompt, canvas: Canvas = SMALL) -> tuple[Art, ...]:
        size = size_for(prompt.ratio, canvas.area)
        if image is None:
            return _paintings(job_id, prompt, size, canvas)[:count]
        return animated(Photo(image, size, canvas.is_detailed), count)(job_id, prompt, canvas)

    return recipe


def _paintings(job_id: str, prompt: Prompt, size: tuple[int, int], canvas: Canvas) -> tuple[Art, ...]:
    return tuple(Painted(f"{job_id}:{n}", size, prompt.words, canvas.is_detailed) for n in CONTENTS_OF_A_GRID)


def _with_photos(art: Art, photos: tuple[Photo, ...]) -> Art:
    if not photos:
        return art
    share = IMAGE_PROMPT_SHARE / len(photos)
    return Mixed((art, *photos), (1 - IMAGE_PROMPT_SHARE, *[share] * len(photos)))
