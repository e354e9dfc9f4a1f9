"""Prompts as text."""

import tracemalloc

import pytest
from discord_simulator.bot.permutations import TooMany, permutations
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.action import Speed
from midway.domain.prompt import (
    JobsRefused,
    clean,
    jobs_of,
    leading_links,
    makes_many_jobs,
    prompt_key,
    speed_from_prompt,
    split_parameters,
    with_parameter,
    with_speed,
)

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


JOBS: dict[str, list[str]] = {
    # Midjourney's own examples.
    "a {red, green, yellow} bird": ["a red bird", "a green bird", "a yellow bird"],
    r"{red, pastel \, yellow} bird": ["red bird", "pastel, yellow bird"],
    "a fox --ar {3:2, 1:1}": ["a fox --ar 3:2", "a fox --ar 1:1"],
    "a fox --{v 5, niji, test}": ["a fox --v 5", "a fox --niji", "a fox --test"],
    "a {cup of {tea, milk}, jar {half full, of glass}}.": [
        "a cup of tea.",
        "a cup of milk.",
        "a jar half full.",
        "a jar of glass.",
    ],
    # The first choice changes last; then each is repeated.
    "a {red, blue} {fox, owl}": ["a red fox", "a red owl", "a blue fox", "a blue owl"],
    "a {red, blue} fox --repeat 2": ["a red fox", "a red fox", "a blue fox", "a blue fox"],
    "a fox --repeat 3": ["a fox"] * 3,
    "a fox --r 2 --ar 3:2": ["a fox --ar 3:2"] * 2,
    "--repeat 2 a fox": ["a fox"] * 2,
    "a fox --REPEAT 2": ["a fox"] * 2,
    "a fox --repeat 3 --repeat 2": ["a fox"] * 2,
    "a fox --repeat {2, 1}": ["a fox"] * 3,
    "a fox --{repeat 2, chaos 5}": ["a fox", "a fox", "a fox --chaos 5"],
    "a fox --repeat 1": ["a fox"],
    # One job, and as it is.
    "a fox": ["a fox"],
    "a {red} fox": ["a {red} fox"],
    "a {red, fox": ["a {red, fox"],
    "a red, blue} fox": ["a red, blue} fox"],
    r"a \{red, blue\} fox": [r"a \{red, blue\} fox"],
    r"a {red\, blue} fox": [r"a {red\, blue} fox"],
    "a fox --raw --ar 3:2": ["a fox --raw --ar 3:2"],
    "a fox --repeats": ["a fox --repeats"],
    "https://a.invalid/--repeat a fox": ["https://a.invalid/--repeat a fox"],
    # Braces that stay, around a choice and inside one: what stays makes no choice later.
    "a {big {red, blue}} fox": ["a {big red} fox", "a {big blue} fox"],
    r"a {{red\, blue}, green} fox": [r"a {red\, blue} fox", "a green fox"],
    r"a {big {red\, blue, green}} fox": [r"a {big red\, blue} fox", "a {big green} fox"],
    "a {x {red, blue} fox": ["a {x red fox", "a {x blue fox"],
    "a {very ,}red fox": ["a veryred fox", "a red fox"],
}


@pytest.mark.parametrize(("prompt", "jobs"), JOBS.items())
def test_a_prompt_is_written_out_as_midjourney_does(prompt: str, jobs: list[str]):
    assert jobs_of(prompt, 40) == jobs


@pytest.mark.parametrize("value", ["0", "-1", "x", "2.5", "", "2x", "\u0662", "--ar 3:2"])
def test_a_repeat_without_a_usable_number_is_refused(value: str):
    with pytest.raises(JobsRefused, match="--repeat"):
        jobs_of(clean(f"a fox --repeat {value}"), 40)


LINKS = {
    "https://x.example/{a,b}.png a fox": "https://x.example/%7Ba%2Cb%7D.png a fox",
    "a fox --sref <https://x.example/{a,{b,c}}>": "a fox --sref <https://x.example/%7Ba%2C%7Bb%2Cc%7D%7D>",
    "https://x.example/}{,a fox": "https://x.example/}{,a fox",
    "http://x.example/" + "{" * 9000 + "," + "}" * 9000: "http://x.example/" + "%7B" * 9000 + "%2C" + "%7D" * 9000,
}


@pytest.mark.parametrize(("prompt", "sent"), LINKS.items(), ids=range(len(LINKS)))
def test_braces_of_a_link_choose_nothing(prompt: str, sent: str):
    assert clean(prompt) == sent
    assert jobs_of(sent, 40) == [sent]


def test_links_may_be_options():
    links = ["https://x.example/a.png fox", "https://x.example/%7B1%2C2%7D.png fox"]
    assert jobs_of(clean("{https://x.example/a.png, https://x.example/{1,2}.png} fox"), 40) == links


# The last ones are of prompts that would take the memory or the time of the server, were they written out.
TOO_MANY = [
    "a fox --repeat 41",
    "a fox --repeat 999999999",
    "a fox --repeat 99999999999",
    "a fox --repeat " + "9" * 5000,
    "{a, b} --repeat 21",
    "{" + "a," * 40 + "}",
    "{a,b}" * 6,
    "{a,b}" * 4000,
    "{a," * 8000 + "}" * 8000,
    "{" * 5000 + "a,b" * 100 + "}" * 5000,
]


@pytest.mark.parametrize("prompt", TOO_MANY, ids=range(len(TOO_MANY)))
def test_more_jobs_than_allowed_are_refused(prompt: str):
    with pytest.raises(JobsRefused, match="more than 40 jobs"):
        jobs_of(prompt, 40)


def test_many_escaped_commas_are_written_out_once_for_each_option():
    words = r"a\, " * 2000
    jobs = jobs_of("{" + ", ".join([words] * 40) + "}", 40)

    assert jobs == [("a, " * 2000).strip()] * 40


def test_repeats_are_counted_before_they_are_written_out():
    """Nine digits of them would take 8 GB."""
    tracemalloc.start()
    try:
        with pytest.raises(JobsRefused, match="more than 40 jobs"):
            jobs_of("a fox --repeat 9999999", 40)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize("prompt", ["{" * 20000, "{" * 10000 + "}" * 10000, "{" + "\\," * 10000 + "}"])
def test_braces_that_choose_nothing_are_text_however_many(prompt: str):
    assert jobs_of(prompt, 40) == [prompt]


# Made of what the rules look at, so that they meet in every order.
SEVERAL = st.lists(
    st.sampled_from(
        ["fox", "owl ", " red", "{", "}", ",", ", ", "\\,", "\\{", "\\}", " --repeat 2", " --ar {3:2,1:1}"]
    ),
    max_size=25,
).map("".join)


@given(SEVERAL)
def test_no_job_of_a_prompt_makes_several_in_its_turn(prompt: str):
    try:
        jobs = jobs_of(clean(prompt), 40)
    except JobsRefused:
        return

    assert not any(makes_many_jobs(job) for job in jobs)


@given(SEVERAL)
def test_the_simulators_bot_writes_the_same_prompts(prompt: str):
    """Two programs that know nothing of each other; the bot's repeats are tried in its own tests."""
    cleaned = clean(prompt.replace("--repeat 2", ""))
    try:
        jobs = jobs_of(cleaned, 40)
    except JobsRefused:
        with pytest.raises(TooMany):
            permutations(cleaned, 40)
        return

    assert [clean(each) for each in permutations(cleaned, 40)] == jobs


@pytest.mark.parametrize("prompt", ["fox --raw", "a {red} fox", r"a \{red, blue\} fox", "--ar 3:2 fox"])
def test_a_prompt_for_one_job_is_not_taken_for_several(prompt: str):
    assert not makes_many_jobs(prompt)


SAME = [
    ("A Red  fox --ar 3:2", "a red fox --ar 3:2 --v 7.0"),
    ("https://a.invalid/long.png a fox", "<https://s.mj.run/AbC> a fox --fast"),
    ("a fox\nin snow", "a fox in snow"),
    ("a fox — in snow", "a fox -- in snow"),
    ("a fox—red", "a fox--red"),
    ("a fox —Red hat --ar 3:2", "a fox --Red hat --ar 3:2 --v 7.0"),
    ("—Hola, dijo el zorro --ar 3:2", "--Hola, dijo el zorro --v 7.0 --ar 3:2"),
    ("一只狐狸—ar 16:9", "一只狐狸 --ar 16:9 --v 7.0"),
    ("a fox –v 7", "a fox --v 7.0"),
    ("a well–known fox", "a well-known fox"),
    ("a dead—end street", "a dead--end street"),
    ("“a fox’s” ‘tail’", "\"a fox's\" 'tail'"),
    ("a\u00a0fox\u200b…", "a fox..."),
    ("ＡＢＣ　１２", "ABC 12"),
    ("Cafe\u0301 Straße", "café STRASSE"),
    ("किताब", "कि\u200dताब"),
    ("สุนัขจิ้งจอก ๑", "สุนัขจิ้งจอก  ๑"),
    ("ثعلب أحمر ٣", "ثعلب، أحمر ٣"),
    ("a fox 🦊❤️", "a fox 🦊 ❤"),
    ("a fox --newest 5 --ar 3:2", "a fox --ar 3:2 --newest 5 --v 7.0"),
]


@pytest.mark.parametrize(("sent", "shown"), SAME)
def test_the_bots_rewriting_keeps_the_key(sent: str, shown: str):
    assert prompt_key(sent) == prompt_key(shown) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("a red fox", "a blue fox"), ("https://a.invalid/1.png a fox", "a fox"), ("fox", "fox, snow")]
)
def test_other_words_or_another_number_of_links_make_another_key(one: str, other: str):
    assert prompt_key(one) != prompt_key(other)


@given(PROMPTS | st.text(max_size=60))
def test_a_key_holds_letters_and_digits_only(prompt: str):
    key = prompt_key(prompt)

    assert key == "" or key.isalnum()
    assert key == key.casefold()


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs", "P"]), max_size=40))
def test_dashes_quotes_and_spaces_that_the_bot_turns_make_no_other_key(prompt: str):
    turned = prompt.replace("—", "--").replace("“", '"').replace("’", "'").replace("\u00a0", " ").replace("‐", "-")

    assert prompt_key(turned) == prompt_key(prompt)


@pytest.mark.parametrize(
    "prompt", ["", "--v 7", "https://a.invalid/1.png https://a.invalid/2.png --ar 1:1", "🦊❤️", "!? — …", "—ar 3:2"]
)
def test_a_prompt_without_words_has_no_key(prompt: str):
    assert prompt_key(prompt) == ""


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("a fox", "a fox --bs 2"),
        ("", "--bs 2"),
        ("a fox --bs 4 --ar 3:2", "a fox --ar 3:2 --bs 2"),
        ("a fox --BS --bs 1 --bs 4", "a fox --bs 2"),
        ("a fox --bsx 1 lemon--bs", "a fox --bsx 1 lemon--bs --bs 2"),
        ("https://a.example/a--bs.png fox", "https://a.example/a--bs.png fox --bs 2"),
        ("fox --bs the hen", "fox the hen --bs 2"),
    ],
)
def test_a_parameter_stands_once_and_last(prompt: str, sent: str) -> None:
    assert with_parameter(prompt, "bs", "2") == sent


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        (" https://a.example/a.png fox", 1),
        ("<https://a.example/a.png> https://b.example", 2),
        ("a fox https://a.example", 0),
    ],
)
def test_links_before_the_words_are_pictures(prompt: str, count: int) -> None:
    assert leading_links(prompt) == count
