"""Pictures sent in are taken by their bytes alone, whole, and within the limits."""

import base64
import contextlib
import io
import random
import struct
import zlib
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.errors import InvalidField, Reason
from midway.domain.image import InputImage
from midway.pictures.base64_text import bytes_from, characters_from
from midway.pictures.checks import PictureLimits, image_from_bytes, image_from_text, mask_from_bytes

LIMITS = PictureLimits()
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def noise(size: tuple[int, int]) -> PIL.Image.Image:
    return PIL.Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))


def drawn(kind: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any) -> bytes:
    """Draw a picture with enough in it that half of its bytes are not enough."""
    picture = noise(size).convert(mode)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def painted(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (100, 80), **options: Any) -> bytes:
    """Paint a mask: boxes of `fill` on `base`."""
    mode = options.get("mode", "RGB")
    picture = PIL.Image.new(mode, size, options.get("base", "black"))
    for box in boxes:
        picture.paste(PIL.Image.new(mode, (box[2] - box[0], box[3] - box[1]), options.get("fill", "white")), box)
    file = io.BytesIO()
    picture.save(file, options.get("kind", "PNG"))
    return file.getvalue()


def declared_png(width: int, height: int) -> bytes:
    """Make a tiny file whose header promises a picture of any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def pixels(image: InputImage) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(image.data)).convert("L")


@pytest.mark.parametrize("kind", TYPES)
def test_type_and_size_come_from_the_bytes(kind: str) -> None:
    data = drawn(kind)

    assert image_from_bytes(data, "base64", LIMITS) == InputImage(data, TYPES[kind], 60, 40)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animated_picture_is_taken(kind: str) -> None:
    frame = noise((60, 40)).rotate(180)

    image = image_from_bytes(drawn(kind, save_all=True, append_images=[frame]), "base64", LIMITS)

    assert image.content_type == TYPES[kind]


def of_a_phone(**options: Any) -> bytes:
    """Make a JPEG with two pictures in it, as phones take them: the second is a depth map or a short film's frame."""
    return drawn("MPO", save_all=True, append_images=[noise((20, 10))], **options)


def test_a_jpeg_with_several_pictures_in_it_is_a_jpeg() -> None:
    data = of_a_phone()

    assert PIL.Image.open(io.BytesIO(data)).format == "MPO"
    image = image_from_bytes(data, "base64", LIMITS)
    assert image == InputImage(data, "image/jpeg", 60, 40)
    assert image.extension == "jpg"


def test_such_a_jpeg_is_taken_though_only_its_first_picture_came() -> None:
    data = of_a_phone()
    first = data[: data.index(b"\xff\xd9") + 2]

    assert image_from_bytes(first, "base64", LIMITS).content_type == "image/jpeg"
    with pytest.raises(InvalidField):
        image_from_bytes(data[: len(first) // 2], "base64", LIMITS)


def test_a_picture_of_a_phone_in_heic_is_refused_with_what_is_taken() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)

    with pytest.raises(InvalidField, match=r"is not a PNG, JPEG, WebP or GIF"):
        image_from_bytes(heic, "base64", LIMITS)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_picture_types_are_refused(kind: str) -> None:
    with pytest.raises(InvalidField, match=r"base64: is not a PNG, JPEG, WebP or GIF") as refusal:
        image_from_bytes(drawn(kind), "base64", LIMITS)

    assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidField) as refusal:
        image_from_bytes(data, "base64", LIMITS)

    assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("kind", TYPES)
def test_truncated_picture_is_refused(kind: str) -> None:
    data = drawn(kind)

    with pytest.raises(InvalidField) as refusal:
        image_from_bytes(data[: len(data) // 2], "base64", LIMITS)

    assert refusal.value.reason is Reason.INVALID_IMAGE


def test_too_many_bytes_are_refused() -> None:
    data = drawn()

    with pytest.raises(InvalidField, match=f"larger than {len(data) - 1} bytes") as refusal:
        image_from_bytes(data, "base64", PictureLimits(max_bytes=len(data) - 1))

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE
    assert image_from_bytes(data, "base64", PictureLimits(max_bytes=len(data))).data == data


def test_pixel_limit_is_inclusive() -> None:
    data = drawn(size=(60, 40))

    assert image_from_bytes(data, "base64", PictureLimits(max_pixels=2400)).data == data
    with pytest.raises(InvalidField, match="more than 2399 pixels"):
        image_from_bytes(data, "base64", PictureLimits(max_pixels=2399))


@pytest.mark.parametrize("side", [7_000, 60_000, 2**31 - 1])
def test_bomb_is_refused_by_its_header(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that would decode to gigabytes are never decoded."""
    monkeypatch.setattr(PIL.Image.Image, "load", lambda *_: pytest.fail("decoded"))

    with pytest.raises(InvalidField) as refusal:
        image_from_bytes(declared_png(side, side), "base64", LIMITS)

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO file")
@given(data=st.data(), kind=st.sampled_from([*sorted(TYPES), "MPO"]))
def test_damage_anywhere_gives_a_picture_or_a_refusal(data: st.DataObject, kind: str) -> None:
    damaged = bytearray(of_a_phone() if kind == "MPO" else drawn(kind, size=(16, 16)))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(InvalidField):  # and nothing else
        image = image_from_bytes(bytes(damaged), "base64", LIMITS)

        assert image.width * image.height <= LIMITS.max_pixels


@pytest.mark.parametrize(
    "form",
    [
        "data:image/png;base64,{}",
        "data:image/jpeg;base64,{}",
        "DATA:image/png;charset=utf-8;BASE64,{}",
        "data:;base64,{}",
        "data%3Aimage%2Fpng%3Bbase64%2C{}",
        "{}",
        "  {}\n",
    ],
)
def test_text_forms_of_a_picture(form: str) -> None:
    data = drawn()

    image = image_from_text(form.format(base64.b64encode(data).decode()), "base64", LIMITS)

    assert image == InputImage(data, "image/png", 60, 40)


def test_base64_may_be_url_safe_unpadded_and_broken_into_lines() -> None:
    data = drawn() + b"\xff\xfe\xfb"
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    lines = "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76))

    image = image_from_text(lines, "base64", LIMITS)

    assert isinstance(image, InputImage)
    assert image.data == data


def test_percent_encoded_data_url_is_read() -> None:
    data = drawn()
    payload = base64.b64encode(data).decode().replace("+", "%2B").replace("=", "%3D")

    image = image_from_text(f"data:image/png;base64,{payload}", "base64", LIMITS)

    assert isinstance(image, InputImage)
    assert image.data == data


def with_plus(data: bytes, count: int) -> str:
    """Write bytes as base64 with at least so many `+` in it."""
    text = base64.b64encode(data + b"\xfb\xe7" * count).decode()
    assert text.count("+") >= count
    return text


@pytest.mark.parametrize("more", range(6))
@pytest.mark.parametrize("form", ["data:image/png;base64,{}", "{}", " {}\r\n"])
def test_a_plus_that_became_a_blank_is_read(form: str, more: int) -> None:
    """A form's decoding makes `+` a blank; without it every byte behind would be another one."""
    data = drawn() + b"\xfb\xef\xbe" * more + b"\0" * more
    text = base64.b64encode(data).decode()
    assert "+" in text

    image = image_from_text(form.format(text).replace("+", " "), "base64", LIMITS)

    assert isinstance(image, InputImage)
    assert image.data == data


@pytest.mark.parametrize("more", range(6))
@pytest.mark.parametrize("drawing", range(6))
def test_a_plus_that_became_a_blank_is_read_without_padding(drawing: int, more: int) -> None:
    data = drawn() + b"\xfb\xef\xbe" * drawing + b"\0" * more
    text = base64.b64encode(data).decode().rstrip("=").replace("+", " ")

    assert bytes_from(characters_from(text)) == data


@given(data=st.binary(min_size=1, max_size=400))
def test_base64_that_lost_its_plus_is_read_as_it_was(data: bytes) -> None:
    whole = b"\x89PNG" + data  # no picture begins with a plus

    assert bytes_from(characters_from(base64.b64encode(whole).decode().replace("+", " "))) == whole


@pytest.mark.parametrize("gap", [" ", "  ", "\n", "\r\n\t", " \n "])
@pytest.mark.parametrize("width", [60, 64, 76])
@pytest.mark.parametrize("length", [999, 1000, 1001])
def test_blanks_that_only_lay_base64_out_are_none_of_it(gap: str, width: int, length: int) -> None:
    data = b"\x89PNG" + bytes(length)  # zeros make no plus, which would tell
    text = base64.b64encode(data).decode()
    assert "+" not in text

    laid_out = gap.join(text[at : at + width] for at in range(0, len(text), width))

    assert bytes_from(characters_from(laid_out)) == data


def test_blanks_beside_a_plus_are_no_plus() -> None:
    text = with_plus(drawn(), 4)
    laid_out = " ".join(text[at : at + 50] for at in range(0, len(text), 50))

    assert bytes_from(characters_from(laid_out)) == base64.b64decode(text)


@pytest.mark.parametrize("escape", ["%", "%41", "%C3%A9", "%2"])
def test_other_escapes_than_base64s_are_none_of_it(escape: str) -> None:
    text = base64.b64encode(drawn()).decode()

    with pytest.raises(InvalidField) as refusal:
        image_from_text(text[:40] + escape + text[40:], "base64", LIMITS)

    assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("text", ["%", "A\n", "A ", "data%3A%41"])
def test_a_text_far_too_long_is_refused_before_it_is_read(text: str) -> None:
    limits = PictureLimits(max_bytes=1000)

    with pytest.raises(InvalidField) as refusal:
        image_from_text(text * 2001, "base64", limits)

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE


def test_a_large_text_is_decoded_in_pieces() -> None:
    data = drawn() + bytes(range(256)) * 10_000

    assert bytes_from(characters_from(base64.b64encode(data).decode())) == data


def test_a_link_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidField, match="at most 2000"):
        image_from_text("https://x.example/" + "a" * 2000, "base64", LIMITS)


@pytest.mark.parametrize(
    "link", ["https://x.example/a.png?ex=1&hm=2", "http://x.example/图.jpg", "HTTPS://X.example/a"]
)
def test_link_comes_back_as_it_is(link: str) -> None:
    assert image_from_text(f" {link} ", "base64", LIMITS) == link


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "data:image/png;base64,",
        "data:image/png,abc",
        "data:image/png;base64",
        "!!! not base64 !!!",
        "ftp://x.example/a.png",
        "https://x.example/a b.png",
        "aGVsbG8=",
        "a",
        "图片",
    ],
)
def test_text_that_is_no_picture_is_refused(text: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        image_from_text(text, "base64Array[1]", LIMITS)

    assert (refusal.value.reason, refusal.value.field) == (Reason.INVALID_IMAGE, "base64Array[1]")


def test_long_text_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base64, "b64decode", lambda *_, **__: pytest.fail("decoded"))

    with pytest.raises(InvalidField) as refusal:
        image_from_text("A" * 2000, "base64", PictureLimits(max_bytes=1000))

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P"])
def test_mask_of_any_colour_mode_becomes_pure_black_and_white(mode: str) -> None:
    picture = PIL.Image.open(io.BytesIO(painted((10, 10, 60, 50)))).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")

    mask = mask_from_bytes(file.getvalue(), "maskBase64", LIMITS, (100, 80))

    assert (mask.content_type, mask.width, mask.height) == ("image/png", 100, 80)
    assert pixels(mask).getcolors() == [(8000 - 2000, 0), (2000, 255)]


def test_mask_keeps_its_place() -> None:
    mask = mask_from_bytes(painted((10, 10, 60, 50)), "maskBase64", LIMITS, None)

    assert pixels(mask).getbbox() == (10, 10, 60, 50)


def test_transparent_part_of_a_mask_is_not_selected() -> None:
    data = painted((0, 0, 50, 80), mode="RGBA", base=(255, 255, 255, 0), fill=(255, 255, 255, 255))

    assert pixels(mask_from_bytes(data, "maskBase64", LIMITS, None)).getbbox() == (0, 0, 50, 80)


def test_nearly_black_and_nearly_white_are_rounded() -> None:
    mask = mask_from_bytes(painted((0, 0, 50, 80), base=(20, 20, 20), fill=(235, 235, 235)), "m", LIMITS, None)

    assert pixels(mask).getcolors() == [(4000, 0), (4000, 255)]


def test_soft_edge_of_a_selection_is_rounded() -> None:
    data = painted((50, 0, 100, 80), (49, 0, 50, 80))
    picture = PIL.Image.open(io.BytesIO(data))
    picture.paste((90, 90, 90), (48, 0, 49, 80))
    picture.paste((180, 180, 180), (49, 0, 50, 80))
    file = io.BytesIO()
    picture.save(file, "PNG")

    assert pixels(mask_from_bytes(file.getvalue(), "m", LIMITS, None)).getbbox() == (49, 0, 100, 80)


def test_mask_that_selects_everything_is_taken() -> None:
    mask = mask_from_bytes(painted(base="white"), "maskBase64", LIMITS, None)

    assert pixels(mask).getcolors() == [(8000, 255)]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("size", [(320, 320), (100, 80), (101, 79), (25, 20), (4000, 2000)])
def test_a_mask_of_another_size_is_scaled_and_stays_pure(size: tuple[int, int], mode: str) -> None:
    """A much-used page draws every mask on 320 x 320."""
    box = (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2)
    picture = PIL.Image.open(io.BytesIO(painted(box, size=size))).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")

    scaled = mask_from_bytes(file.getvalue(), "maskBase64", LIMITS, (1456, 816))

    assert (scaled.content_type, scaled.width, scaled.height) == ("image/png", 1456, 816)
    assert {colour for _, colour in pixels(scaled).getcolors() or ()} == {0, 255}
    left, top, right, bottom = pixels(scaled).getbbox() or (0, 0, 0, 0)
    wide, high = 1456 / size[0], 816 / size[1]
    for edge, wanted, step in (
        (left, box[0], wide),
        (top, box[1], high),
        (right, box[2], wide),
        (bottom, box[3], high),
    ):
        assert abs(edge - wanted * step) <= 1


def test_a_soft_mask_is_rounded_before_it_is_scaled() -> None:
    data = painted((50, 0, 100, 80), (49, 0, 50, 80))
    picture = PIL.Image.open(io.BytesIO(data))
    picture.paste((90, 90, 90), (48, 0, 49, 80))
    picture.paste((180, 180, 180), (49, 0, 50, 80))
    file = io.BytesIO()
    picture.save(file, "PNG")

    assert pixels(mask_from_bytes(file.getvalue(), "m", LIMITS, (1000, 800))).getcolors() == [
        (392000, 0),
        (408000, 255),
    ]


def test_a_mask_is_not_blown_up_beyond_the_limit() -> None:
    with pytest.raises(InvalidField) as refusal:
        mask_from_bytes(painted((0, 0, 50, 80)), "mask", LIMITS, (7000, 7000))

    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (painted(), "nothing is selected"),
        (painted((0, 0, 100, 80), mode="RGBA", fill=(255, 255, 255, 0)), "nothing is selected"),
        (painted((0, 0, 50, 80), fill="gray"), "must be black and white"),
        (painted((0, 0, 50, 80), fill="red"), "must be black and white"),
        (drawn(size=(100, 80)), "must be black and white"),
        (painted((0, 0, 50, 80), kind="JPEG"), "must be a PNG, this is a JPEG"),
        (painted((499, 401, 500, 402), size=(1000, 800)), "nothing is selected"),  # a point that scaling loses
    ],
)
def test_mask_is_refused_with_its_reason(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidField, match=f"^maskBase64: .*{problem}") as refusal:
        mask_from_bytes(data, "maskBase64", LIMITS, (100, 80))

    assert refusal.value.reason is Reason.INVALID_IMAGE
