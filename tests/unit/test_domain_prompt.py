"""Prompts as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.action import Speed
from midway.domain.prompt import clean, makes_many_jobs, prompt_key, speed_from_prompt, split_parameters, with_speed

# Made of what the rules look at, so that they meet in every order.
PROMPTS = st.lists(
    st.sampled_from(
        ["fox", "Red ", " ", "\n", "\t", "-", "--", " -- ", "---", "https://a/", "—", "–", "—ar ", " --ar 3:2", "\x00"]
    )
).map("".join) | st.text(max_size=40)
SPEEDS = st.sampled_from(Speed)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red fox --ar 3:2", "a red fox --ar 3:2"),
        ("  a\r\nred\tfox ", "a red fox"),
        ("a fox -- in snow", "a fox in snow"),
        ("a fox -- -- in snow", "a fox in snow"),
        ("a fox --", "a fox"),
        ("a fox ----- in snow", "a fox in snow"),
        ("https://cdn.example/a---b/fox----1.png a fox --- red", "https://cdn.example/a---b/fox----1.png a fox red"),
        ("<https://cdn.example/a---b.png> a fox", "<https://cdn.example/a---b.png> a fox"),
        ("a fox —ar 3:2", "a fox --ar 3:2"),
        ("a fox –v 7", "a fox --v 7"),
        ("a fox—red and quick—runs", "a fox—red and quick—runs"),
        ("a\x00 fox\x1b", "a fox"),
        ("well-known --no dog", "well-known --no dog"),
        ("狐狸，雪", "狐狸，雪"),
        ("", ""),
    ],
)
def test_a_prompt_is_made_one_line_that_discord_takes(prompt: str, expected: str):
    assert clean(prompt) == expected


@given(PROMPTS)
def test_cleaning_again_changes_nothing(prompt: str):
    assert clean(clean(prompt)) == clean(prompt)


@given(PROMPTS)
def test_a_clean_prompt_has_no_line_break_and_no_lone_dashes(prompt: str):
    words = clean(prompt).split(" ")

    assert "\n" not in clean(prompt)
    assert "--" not in words


@pytest.mark.parametrize(
    ("prompt", "speed"),
    [
        ("a fox --relax", Speed.RELAX),
        ("a fox --TURBO --ar 3:2", Speed.TURBO),
        ("a fox --fast --relax", Speed.RELAX),
        ("a fox --fastest", None),
        ("a fast fox", None),
    ],
)
def test_the_last_speed_flag_counts(prompt: str, speed: Speed | None):
    assert speed_from_prompt(prompt) == speed


@pytest.mark.parametrize(
    ("prompt", "speed", "expected"),
    [
        ("a fox", Speed.FAST, "a fox --fast"),
        ("a fox --relax --ar 3:2", Speed.FAST, "a fox --ar 3:2 --fast"),
        ("a fox --relax --fast", Speed.TURBO, "a fox --turbo"),
        ("a  fox --relax", None, "a  fox --relax"),
        ("", Speed.RELAX, "--relax"),
    ],
)
def test_a_speed_replaces_whatever_the_prompt_said(prompt: str, speed: Speed | None, expected: str):
    assert with_speed(prompt, speed) == expected


@given(PROMPTS, SPEEDS)
def test_a_prompt_with_a_speed_has_that_speed(prompt: str, speed: Speed):
    assert speed_from_prompt(with_speed(prompt, speed)) is speed
    assert with_speed(with_speed(prompt, speed), speed) == with_speed(prompt, speed)


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a fox --ar 3:2 --no dog", ("a fox", "--ar 3:2 --no dog")),
        ("a fox", ("a fox", "")),
        ("--v 7", ("", "--v 7")),
        ("fox--ish --v 7", ("fox--ish", "--v 7")),
    ],
)
def test_words_and_parameters_come_apart(prompt: str, parts: tuple[str, str]):
    assert split_parameters(prompt) == parts


@pytest.mark.parametrize("prompt", ["fox --repeat 4", "fox --r 2", "a {red, blue} fox"])
def test_a_prompt_for_several_jobs_is_noticed(prompt: str):
    assert makes_many_jobs(prompt)


@pytest.mark.parametrize("prompt", ["fox --raw", "a {red} fox", r"a \{red, blue\} fox", "--ar 3:2 fox"])
def test_a_prompt_for_one_job_is_not_taken_for_several(prompt: str):
    assert not makes_many_jobs(prompt)


SAME = [
    ("A Red  fox --ar 3:2", "a red fox --ar 3:2 --v 7.0"),
    ("https://a.invalid/long.png a fox", "<https://s.mj.run/AbC> a fox --fast"),
    ("a fox\nin snow", "a fox in snow"),
]


@pytest.mark.parametrize(("sent", "shown"), SAME)
def test_the_bots_rewriting_keeps_the_key(sent: str, shown: str):
    assert prompt_key(sent) == prompt_key(shown) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("a red fox", "a blue fox"), ("https://a.invalid/1.png a fox", "a fox"), ("fox", "fox, snow")]
)
def test_other_words_or_another_number_of_links_make_another_key(one: str, other: str):
    assert prompt_key(one) != prompt_key(other)


@pytest.mark.parametrize("prompt", ["", "--v 7", "https://a.invalid/1.png https://a.invalid/2.png --ar 1:1"])
def test_a_prompt_without_words_has_no_key(prompt: str):
    assert prompt_key(prompt) == ""
