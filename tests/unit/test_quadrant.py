"""A picture that is cut out of a grid, or made small enough."""

import io
from pathlib import Path

import PIL.Image
import pytest
from midway.pictures.quadrant import NoQuadrant, quadrant_from_file

MOST = 40_000_000


def noise(path: Path, width: int, height: int) -> Path:
    """Draw what no encoder makes small."""
    PIL.Image.effect_noise((width, height), 80).convert("RGB").save(path, "PNG")
    return path


@pytest.mark.parametrize(("number", "size"), [(1, (100, 50)), (4, (100, 50)), (None, (201, 101))])
def test_what_is_small_stays_without_loss(tmp_path: Path, number: int | None, size: tuple[int, int]) -> None:
    made = PIL.Image.open(io.BytesIO(quadrant_from_file(noise(tmp_path / "a.png", 201, 101), number, MOST, MOST)))

    assert (made.format, made.size) == ("PNG", size)


def test_what_is_too_large_becomes_a_jpeg(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.png", 400, 400)
    made = quadrant_from_file(path, None, MOST, path.stat().st_size // 2)

    assert PIL.Image.open(io.BytesIO(made)).format == "JPEG"
    assert len(made) < path.stat().st_size // 2


def test_too_many_pixels_and_what_is_no_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoQuadrant, match="pixels"):
        quadrant_from_file(noise(tmp_path / "a.png", 20, 20), 1, 399, MOST)
    (tmp_path / "b.png").write_bytes(b"<html>")
    with pytest.raises(NoQuadrant, match="no PNG"):
        quadrant_from_file(tmp_path / "b.png", 1, MOST, MOST)
