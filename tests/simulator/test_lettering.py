"""Labels in any script: each character in the first font that has it, and lines that break where they may."""

import pytest
from discord_simulator.bot.frames import _wrapped
from discord_simulator.bot.lettering import CJK, EMOJI, IN_NO_FONT, LATIN, _shape, face_of, runs, text_width, write
from PIL import Image, ImageDraw


@pytest.mark.parametrize(
    ("text", "face"),
    [
        ("a red fox --ar 3:2 é — … лиса αλεπού", LATIN),
        ("一只红色的狐狸，在雪地里。", CJK),
        ("赤い狐はキツネ「コン」", CJK),
        ("붉은여우", CJK),
        ("🦊🎨👍✨", EMOJI),
    ],
)
def test_every_character_is_found(text: str, face: int):
    """Its glyph is in that font, and is not the box that the font shows for what it lacks."""
    characters = text.replace(" ", "")

    assert {face_of(character) for character in characters} == {face}
    assert _shape(face, IN_NO_FONT) not in [_shape(face, character) for character in characters]


def test_what_no_font_has_is_a_latin_box():
    assert face_of(IN_NO_FONT) == LATIN


def test_a_line_changes_fonts_where_it_must():
    assert list(runs("a 狐 🦊!")) == [(LATIN, "a "), (CJK, "狐"), (LATIN, " "), (EMOJI, "🦊"), (LATIN, "!")]


@pytest.mark.parametrize("emoji", ["👍🏽", "❤️", "👩‍🎨"])
def test_modifiers_stay_with_their_emoji(emoji: str):
    assert list(runs(emoji)) == [(EMOJI, emoji)]


def test_a_line_is_as_wide_as_it_says():
    text = "fox 狐狸 🦊"
    image = Image.new("RGB", (400, 60))
    write(ImageDraw.Draw(image), (10, 40), text, 30, (255, 255, 255))
    box = image.getbbox()

    assert box
    assert box[2] - box[0] == pytest.approx(text_width(text, 30), abs=8)


def test_a_script_without_blanks_is_broken_anywhere():
    lines = _wrapped("狐" * 25, 20, 205)

    assert lines == ["狐" * 10, "狐" * 10, "狐" * 5]


def test_latin_words_are_broken_at_blanks_only():
    lines = _wrapped("a red fox in deep snow 在雪地里", 20, 120)

    assert " ".join(lines).replace("在 ", "在").startswith("a red fox in deep snow")
    assert all(text_width(line, 20) <= 120 for line in lines)


def test_what_does_not_fit_ends_in_an_ellipsis():
    lines = _wrapped("狐" * 200, 20, 205)

    assert len(lines) == 3
    assert lines[-1].endswith(" …")
