"""Pictures and videos: deterministic, labelled, what their derivation promises."""

import io

import pytest
from discord_simulator.bot import recipes
from discord_simulator.bot.art import Painted, drawn, size_for
from discord_simulator.bot.frames import Frame, label_top
from discord_simulator.bot.picture_files import preview_picture, result_picture
from discord_simulator.bot.prompt import Prompt
from discord_simulator.bot.video import SMALL_FILM, video_picture
from PIL import Image, ImageChops, ImageStat

JOB, OTHER = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "11111111-2222-4333-8444-555555555555"
FOX = Prompt("a red fox")


def frames(job_id: str = JOB, prompt: Prompt = FOX) -> tuple[Frame, ...]:
    arts = recipes.imagined(())(job_id, prompt)
    return tuple(Frame(art, n, str(prompt), job_id) for n, art in enumerate(arts, start=1))


def result(job_id: str = JOB, prompt: Prompt = FOX) -> bytes:
    return result_picture(frames(job_id, prompt), username="user", prompt=str(prompt), job_id=job_id).data


def test_same_job_same_bytes():
    """A picture follows from job and prompt alone."""
    drawn.cache_clear()
    once = result()
    drawn.cache_clear()

    assert result() == once


def test_another_job_looks_different():
    """Two jobs of one prompt can be told apart."""
    assert result(OTHER) != result()


@pytest.mark.parametrize("ratio", ["1:1", "3:2", "2:3", "16:9", "1:10"])
def test_ratio_shapes_the_picture(ratio: str):
    """--ar decides width against height, at about the same area."""
    prompt = FOX.having("ar", ratio)
    image = Image.open(io.BytesIO(result(prompt=prompt)))

    assert image.width / image.height == pytest.approx(prompt.ratio, rel=0.03)


def test_text_chunks_hold_any_script():
    """A prompt in Chinese with an emoji is written whole."""
    prompt = Prompt("一只红狐狸 🦊")
    image = Image.open(io.BytesIO(result(prompt=prompt)))

    assert image.info["midway:prompt"] == str(prompt)


def test_label_leaves_the_art_alone():
    """Above the label the picture is the art, pixel for pixel."""
    frame = frames()[0]
    art_box = (0, 0, frame.size[0], label_top(frame.size))

    difference = ImageChops.difference(frame.draw().crop(art_box), drawn(frame.art).crop(art_box))
    assert difference.getbbox() is None


def test_colour_words_colour_the_picture():
    """A colour in the prompt is in the picture."""
    image = drawn(Painted("key", (200, 200), "a crimson fox"))

    assert (220, 20, 60) in {colour for _, colour in image.getcolors(1 << 20) or []}


def test_image_prompt_shimmers_through():
    """A white picture before the prompt brightens the result."""
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(buffer, "PNG")
    plain = recipes.imagined(())(JOB, FOX)[0]
    mixed = recipes.imagined((buffer.getvalue(),))(JOB, FOX)[0]

    assert sum(ImageStat.Stat(drawn(mixed)).mean) > sum(ImageStat.Stat(drawn(plain)).mean) + 100


def test_zoom_keeps_the_picture_in_the_middle():
    """The middle of a 2x zoom is the source at half its size."""
    source = Painted("source", size_for(1.0))
    zoomed = drawn(recipes.zoomed(source, 2.0)(JOB, FOX)[0])
    width, height = source.size
    middle = zoomed.crop((width // 4, height // 4, width // 4 + width // 2, height // 4 + height // 2))

    difference = ImageChops.difference(middle, drawn(source).resize(middle.size))
    assert max(ImageStat.Stat(difference).mean) < 8


def test_endless_pans_stop_growing():
    """Ten pans to the left still give a picture that can be sent."""
    art = recipes.panned(Painted("source", size_for(1.0)), "left")(JOB, FOX)[0]
    for n in range(9):
        art = recipes.panned(art, "left")(f"{JOB}{n}", FOX)[0]

    assert art.size[0] <= 1600
    assert drawn(art).size == art.size


@pytest.mark.parametrize(("style", "kind"), [("grid_webp", "WEBP"), ("step_jpeg", "JPEG")])
def test_previews_sharpen(style, kind: str):
    """A later preview shows more detail than an earlier one, in the format its name says."""
    early, late = (
        preview_picture(frames(), job_id=JOB, percent=percent, step=1, style=style).data for percent in (0, 93)
    )

    assert Image.open(io.BytesIO(late)).format == kind
    assert len(late) > len(early)


def test_video_is_a_playable_sequence():
    """The MP4 holds one video track of AV1 samples, as many as frames were drawn, and lasts as long."""
    data = video_picture(frames()[:2], job_id=JOB, motion="high").data

    boxes = data.count(b"trak"), data.count(b"vide"), data.count(b"av01\x00\x00\x00\x00\x00\x00\x00\x01")
    stsz = data.index(b"stsz")
    assert data[4:12] == b"ftypisom"
    assert boxes == (1, 1, 1)
    assert int.from_bytes(data[stsz + 12 : stsz + 16], "big") == SMALL_FILM.frames * 2


def test_video_frames_can_be_decoded():
    """Back under its AVIF brand, Pillow's own decoder reads every frame: the samples are intact."""
    data = bytearray(video_picture(frames()[:1], job_id=JOB, motion="low").data)
    data[8:44] = data[8:44].replace(b"isom", b"avis", 1)
    data[:] = data.replace(b"vide", b"pict", 1)

    with Image.open(io.BytesIO(data)) as video:
        assert getattr(video, "n_frames", 1) == SMALL_FILM.frames


def test_same_video_same_bytes():
    """No clock time gets into the file."""
    made = [video_picture(frames()[:1], job_id=JOB, motion="low").data for _ in range(2)]

    assert made[0] == made[1]
