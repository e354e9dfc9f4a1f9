"""Prompts as the bot rewrites them: discord-wire §3.4."""

from random import Random

import pytest
from discord_simulator.bot.parameters import PARAMETERS, parameter_named
from discord_simulator.bot.prompt import PromptRefused, read_prompt, with_defaults
from discord_simulator.bot.short_links import ShortLinks
from discord_simulator.users import BotSettings, Mode
from hypothesis import given
from hypothesis import strategies as st


def read(raw: str) -> str:
    return str(read_prompt(raw, ShortLinks(Random(1)).shorten))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("  a   red\tfox ", "a red fox"),
        ("fox --aspect 3:2 --c 10", "fox --chaos 10 --ar 3:2"),
        ("fox --v 7", "fox --v 7.0"),
        ("fox --niji", "fox --niji"),
        ("fox --niji 6 --ar 1:2", "fox --ar 1:2 --niji 6"),
        ("fox --tile in the snow", "fox in the snow --tile"),
        ("fox --ar 3:2 in the snow", "fox in the snow --ar 3:2"),
        ("fox --no red cats, dogs --seed 5", "fox --no red cats, dogs --seed 5"),
        ("fox —ar 3:2", "fox --ar 3:2"),
        ("fox --seed 1 --seed 2", "fox --seed 2"),
        ("two\n\nlines", "two\nlines"),
        ("well-known -- fox", "well-known -- fox"),
    ],
)
def test_rewriting(typed: str, written: str):
    """Blanks collapse, parameters get their own names and move to the end in one order."""
    assert read(typed) == written


@pytest.mark.parametrize("flag", list(Mode))
def test_speed_flags_set_the_mode_and_stay_in_their_place(flag: Mode):
    """The mode shows in the tokens too; the last flag counts."""
    prompt = read_prompt(f"fox --{flag} --ar 3:2", ShortLinks(Random(1)).shorten)
    last = read_prompt(f"fox --s 5 --ar 3:2 --fast --relax --{flag}", ShortLinks(Random(1)).shorten)

    assert str(prompt) == f"fox --{flag} --ar 3:2"
    assert str(last).startswith("fox --ar 3:2 --stylize 5 --")
    assert str(last).endswith(f" --{flag}")
    assert prompt.mode is last.mode is flag


@pytest.mark.parametrize(
    "typed",
    ["fox --nonsense", "fox --ar x", "fox --ar 0:1", "fox --ar 99:1", "fox --stylize 1001", "fox --v", "fox --iw 9"],
)
def test_bad_parameters_are_refused(typed: str):
    """Unknown names and impossible values raise, with the embed's title."""
    with pytest.raises(PromptRefused) as refused:
        read(typed)

    assert refused.value.title == "Invalid parameter"


def test_links_become_short_everywhere():
    """In the text and in parameters, each with a code of eleven characters."""
    links = ShortLinks(Random(1))
    prompt = read_prompt(
        "https://a.example/1.png <https://a.example/2.png> fox --sref https://a.example/3", links.shorten
    )

    assert len(prompt.picture_links) == 2
    assert [links.resolve(link) for link in prompt.picture_links] == [
        "https://a.example/1.png",
        "https://a.example/2.png",
    ]
    assert prompt.words == "fox"
    assert str(prompt).count("<https://s.mj.run/") == 3


def test_short_links_stay():
    """A prompt that comes back from a form keeps its short links."""
    links = ShortLinks(Random(1))
    once = str(read_prompt("https://a.example/1.png fox", links.shorten))

    assert str(read_prompt(once, links.shorten)) == once


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        (BotSettings("7.0"), "fox --v 7.0"),
        (BotSettings("niji 7"), "fox --niji 7"),
        (BotSettings("6.1", raw=True, stylize=250), "fox --stylize 250 --raw --v 6.1"),
        (BotSettings("5.2", stylize=250), "fox --stylize 250"),
    ],
)
def test_settings_fill_in_what_the_prompt_leaves_open(settings: BotSettings, written: str):
    """Version, raw and stylize come from the account."""
    assert str(with_defaults(read_prompt("fox", str), settings)) == written


def test_a_version_that_is_not_written_still_draws():
    """Version 5.2 shows only where somebody named it; its buttons come all the same."""
    assert with_defaults(read_prompt("fox", str), BotSettings("5.2")).version == "5.2"
    assert with_defaults(read_prompt("fox --v 6.1", str), BotSettings("5.2")).version == "6.1"
    assert str(with_defaults(read_prompt("fox --v 5.2", str), BotSettings("7.0"))) == "fox --v 5.2"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("https://a.example/1.png fox --video", "--video 1 --aspect 3:2"),
        (
            "https://a.example/1.png fox --ar 1:1 --video 1 --bs 2 --motion high",
            "--motion high --bs 2 --video 1 --aspect 3:2",
        ),
        ("https://a.example/1.png --loop", "--end loop --video 1 --aspect 3:2"),
        ("https://a.example/1.png --motion low --v 7", "--motion low --video 1 --aspect 3:2"),
    ],
)
def test_a_films_prompt(typed: str, written: str):
    """No version, --loop by its other name, the picture's ratio last; sent back, it is the same."""
    film = with_defaults(read_prompt(typed, str), BotSettings("7.0")).of_film("3:2")

    assert film.is_film
    assert str(film).endswith(written)
    assert str(read_prompt(str(film), str).of_film("3:2")) == str(film)


def test_prompt_beats_settings():
    """What the user typed stays."""
    assert (
        str(with_defaults(read_prompt("fox --v 6.1 --s 5", str), BotSettings("7.0", stylize=250)))
        == "fox --stylize 5 --v 6.1"
    )


def test_every_name_leads_to_one_parameter():
    """No two parameters share a name or an alias."""
    names = [name for parameter in PARAMETERS for name in (parameter.name, *parameter.aliases)]

    assert len(names) == len(set(names))
    assert all(parameter_named(name.upper()) for name in names)


@given(st.text(alphabet=st.sampled_from("ab -—\n*<>()#@:/1"), max_size=60))
def test_rewriting_twice_changes_nothing(typed: str):
    """A form is filled with the rewritten prompt: sent back, it must mean the same."""
    try:
        once = read(typed)
    except PromptRefused:
        return

    assert read(once) == once
