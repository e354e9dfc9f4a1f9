"""What a file says of itself is read without decoding it, and in time that only its bytes bound."""

import io
import random
import struct
from collections.abc import Iterator
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.errors import InvalidField, Reason
from midway.pictures import structure
from midway.pictures.checks import PictureLimits, image_from_bytes
from midway.pictures.structure import FREE_BLOCKS, LEAST_BYTES_A_BLOCK, Damaged, PictureStructure, structure_of

from tests.support.hostile_pictures import animation, jpeg_of_scans, png_chunk, png_of
from tests.unit.test_picture import drawn, noise, of_a_phone

BLOCKS = FREE_BLOCKS + 2_000_000 // LEAST_BYTES_A_BLOCK  # more than any file of two megabytes may have
LIMITS = PictureLimits()
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["L", "P", "RGB", "RGBA"],
    "GIF": ["1", "L", "P", "RGB", "RGBA"],
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "PNG": [{}, {"optimize": True}, {"dpi": (72, 72)}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}],
    "JPEG": [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}, {"comment": "hello", "optimize": True}],
    "WEBP": [{}, {"lossless": True}, {"quality": 1}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}],
    "GIF": [{}, {"interlace": 1}, {"comment": "hello " * 100}, {"optimize": True}],
}


def encoded() -> Iterator[Any]:
    """Give files of every mode and option that an ordinary encoder has."""
    for kind, modes in MODES.items():
        for mode in modes:
            for number, options in enumerate(OPTIONS[kind]):
                yield pytest.param(kind, mode, options, id=f"{kind}-{mode.replace(';', '')}-{number}")


@pytest.mark.parametrize(("kind", "mode", "options"), list(encoded()))
def test_what_encoders_write_is_read_as_a_decoder_reads_it(kind: str, mode: str, options: dict[str, Any]) -> None:
    data = drawn(kind, (61, 43), mode, **options)

    structure = structure_of(data)

    assert structure is not None
    with PIL.Image.open(io.BytesIO(data)) as picture:
        assert (structure.width, structure.height) == picture.size
        assert structure.content_type == PIL.Image.MIME[picture.format or ""]


def cut_places(data: bytes) -> list[int]:
    """Return where a PNG's, WebP's, JPEG's or GIF's blocks end, and places beside them; all of them in a small file."""
    return list(range(len(data))) if len(data) < 1500 else [*range(1500), *range(1500, len(data) - 1, 97)]


@pytest.mark.parametrize("kind", MODES)
def test_a_file_that_was_cut_anywhere_is_refused(kind: str) -> None:
    """Also between two blocks, where each is whole."""
    data = drawn(kind, (40, 30), "L")

    assert structure_of(data)
    for place in cut_places(data):
        with pytest.raises(InvalidField) as refusal:
            image_from_bytes(data[:place], "base64", LIMITS)
        assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_that_was_cut_behind_its_first_frame_is_refused(kind: str) -> None:
    data = animation(kind, 4)

    assert structure_of(data) == PictureStructure(PIL.Image.MIME[kind], 16, 16, frames=4)
    for place in range(len(data) // 2, len(data)):
        with pytest.raises(Damaged):
            structure_of(data[:place])


@pytest.mark.parametrize("kind", MODES)
@pytest.mark.parametrize("behind", [b"\0", b"\n", b"\xff\xd9", bytes(4000)])
def test_what_follows_the_end_is_passed_over(kind: str, behind: bytes) -> None:
    data = drawn(kind)

    assert structure_of(data + behind) == structure_of(data)


def test_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image.Image, "load", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(PIL.Image, "open", lambda *_, **__: pytest.fail("opened"))

    for kind in MODES:
        assert image_from_bytes(DRAWN[kind], "base64", LIMITS).data == DRAWN[kind]


DRAWN = {kind: drawn(kind) for kind in MODES}


def test_a_png_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(drawn("PNG"))
    data[len(data) // 2] ^= 1

    with pytest.raises(Damaged, match="checksum"):
        structure_of(bytes(data))


def test_the_scans_of_a_jpeg_are_counted() -> None:
    ordinary = structure_of(drawn("JPEG", progressive=True, mode="RGB"))

    assert ordinary is not None
    assert 4 <= ordinary.scans <= 12
    assert structure_of(jpeg_of_scans(77)) == PictureStructure("image/jpeg", 64, 64, scans=77)


def test_a_jpeg_with_filling_bytes_restarts_and_thumbnails_in_its_head_is_read() -> None:
    inner = drawn("JPEG", (16, 16))
    data = drawn("JPEG", (64, 64), "RGB", restart_marker_blocks=1, comment=inner, quality=95)
    scan = data.rindex(b"\xff\xda")

    assert data.count(b"\xff\xd0") > 1
    assert structure_of(data[:scan] + b"\xff" * 300_000 + data[scan:]) == PictureStructure("image/jpeg", 64, 64)


def test_a_mark_on_the_border_of_two_looks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg_of_scans(40)

    for size in range(2, 40):
        monkeypatch.setattr(structure, "_SCANNED_AT_ONCE", size)
        assert structure_of(data) == PictureStructure("image/jpeg", 64, 64, scans=40)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(drawn("JPEG")[:2] + drawn("JPEG"), id="two starts"),
        pytest.param(drawn("JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1), id="lossless"),
        pytest.param(b"\xff\xd8\xff\xd9", id="nothing in it"),
        pytest.param(b"\xff\xd8\xff\xe0\0\0" + drawn("JPEG")[2:], id="a block without length"),
        pytest.param(png_of(8, 8, 8, 0)[:8] + png_chunk(b"IEND", b""), id="PNG without header"),
        pytest.param(png_of(8, 8).replace(b"IDAT", b"IDAX"), id="wrong kind of chunk"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", b"\0" * 13) + png_chunk(b"IEND", b""), id="PNG of none"),
        pytest.param(b"GIF89a\x08\0\x08\0\0\0\0;", id="GIF without frames"),
        pytest.param(b"RIFF\x04\0\0\0WEBP", id="WebP without frames"),
        pytest.param(b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0", id="WebP without a frame's head"),
    ],
)
def test_a_file_that_does_not_hold_together_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        structure_of(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            drawn("PNG")[:33] + png_chunk(b"teXt", b"") * BLOCKS + drawn("PNG")[33:],
            id="PNG",
        ),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\x02" * BLOCKS + drawn("JPEG")[2:], id="JPEG"),
        pytest.param(b"GIF89a\x08\0\x08\0\0\0\0!\xfe" + b"\x01a" * 2 * BLOCKS + b"\0;", id="GIF in one extension"),
        pytest.param(b"GIF89a\x08\0\x08\0\0\0\0" + b"!\xfe\0" * BLOCKS + b";", id="GIF of extensions"),
        pytest.param(b"RIFF" + struct.pack("<I", 4 + 8 * BLOCKS) + b"WEBP" + b"JUNK\0\0\0\0" * BLOCKS, id="WebP"),
    ],
)
def test_a_file_of_nothing_but_tiny_blocks_is_refused_before_it_is_followed_to_its_end(data: bytes) -> None:
    with pytest.raises(Damaged, match="too many blocks"):
        structure_of(data)


def test_a_gif_of_ten_megabytes_is_read() -> None:
    """As large as a client may send, in pieces of 255 bytes as encoders write them."""
    frame = b",\0\0\0\0\x08\0\x08\0\0\x02" + (b"\xff" + random.Random(1).randbytes(255)) * 10_000 + b"\0"
    data = b"GIF89a\x08\0\x08\0\0\0\0" + frame * 4 + b";"

    assert image_from_bytes(data, "base64", LIMITS).data == data
    assert structure_of(data) == PictureStructure("image/gif", 8, 8, frames=4)


def test_a_frame_larger_than_the_screen_counts() -> None:
    data = b"GIF89a\x08\0\x08\0\0\0\0" + b",\x02\0\0\0" + struct.pack("<HH", 60_000, 60_000) + b"\0\x02\x01a\0;"

    with pytest.raises(InvalidField, match="pixels"):
        image_from_bytes(data, "base64", LIMITS)


@pytest.mark.parametrize(
    ("data", "limits", "problem"),
    [
        (jpeg_of_scans(101), {}, "has more than 100 scans"),
        (jpeg_of_scans(13), {"max_scans": 12}, "has more than 12 scans"),
        (animation("GIF", 5), {"max_frames": 4}, "has more than 4 frames"),
        (animation("WEBP", 5), {"max_frames": 4}, "has more than 4 frames"),
        (animation("PNG", 5), {"max_frames": 4}, "has more than 4 frames"),
        (png_of(6400, 6400, 1), {}, "has more than 40000000 pixels"),
    ],
)
def test_what_costs_its_decoder_much_is_refused_with_its_limit(
    data: bytes, limits: dict[str, int], problem: str
) -> None:
    with pytest.raises(InvalidField, match=f"^images\\[0\\]: {problem}$") as refusal:
        image_from_bytes(data, "images[0]", PictureLimits(**limits))

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("limit", ["max_scans", "max_frames"])
def test_limits_are_inclusive(limit: str) -> None:
    data = jpeg_of_scans(20) if limit == "max_scans" else animation("GIF", 20)

    assert image_from_bytes(data, "base64", PictureLimits(**{limit: 20})).data == data


@given(data=st.binary(max_size=200), kind=st.sampled_from(sorted(MODES)), keep=st.integers(6, 80))
def test_any_bytes_behind_a_beginning_are_a_picture_or_damaged(data: bytes, kind: str, keep: int) -> None:
    try:
        found = structure_of(DRAWN[kind][:keep] + data)
    except Damaged:  # and nothing else
        return
    assert found is None or (found.width > 0 and found.height > 0)


def test_a_picture_of_a_phone_ends_with_its_first_picture() -> None:
    assert structure_of(of_a_phone()) == PictureStructure("image/jpeg", 60, 40)


def test_blocks_of_any_size_are_followed() -> None:
    sizes = [1, 12, 13, 4096, 8192]
    text = b"".join(png_chunk(b"teXt", bytes(size)) for size in sizes)

    assert structure_of(png_of(9, 7, 16, 6, text)) == PictureStructure("image/png", 9, 7)


def test_noise_is_no_picture() -> None:
    assert structure_of(noise((30, 30)).tobytes()) is None
