"""Every text the bot can write, read back by the parser that discord-wire §2.3 suggests."""

import re

import pytest
from discord_simulator.bot.content import (
    GRID,
    PROMOTION,
    ZOOM_OUT,
    Heading,
    Verb,
    file_stem,
    pan_verb,
    upscale_verb,
    variation_verb,
    website_token,
)
from discord_simulator.users import Mode
from hypothesis import given
from hypothesis import strategies as st

HEAD = re.compile(r"\*\*(?P<prompt>.*)\*\*\s+-\s+(?P<tail>(?:(?!\*\*\s+-\s).)*)$", re.DOTALL)
TAIL = re.compile(r"^(?P<verb>[^<]*?)\s*<@!?(?P<uid>\d+)>(?P<rest>.*)$", re.DOTALL)
LINK = re.compile(r"\[\(?([^\]]*?)\)?\]\(<?(https?://[^)>\s]+)>?\)")
PAREN = re.compile(r"\(([^()]*)\)")
JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

VERBS = {
    "GRID": (GRID, r""),
    "VARY": (variation_verb(None, remixed=False), r"Variations by"),
    "STRONG": (variation_verb("Strong", remixed=False), r"Variations \(Strong\) by"),
    "REMIX": (variation_verb(None, remixed=True), r"Remix by"),
    "REGION": (variation_verb("Region", remixed=True), r"Remix \(Region\) by"),
    "ZOOM": (ZOOM_OUT, r"Zoom Out by"),
    "PAN": (pan_verb("left"), r"Pan Left by"),
    "HD": (upscale_verb("Subtle"), r"Upscal(ed|ing) \(Subtle\) by"),
    "HD4": (upscale_verb("4x"), r"(Upscaling|Upscaled \(4x\)) by"),
}


def parsed(content: str) -> tuple[str, str, str, list[str]]:
    """Split into prompt, verb, user id and tokens, as an engine would."""
    head = HEAD.match(content)
    assert head
    tail = TAIL.match(head["tail"])
    assert tail
    first_line = LINK.sub("", tail["rest"]).split("\n")[0]
    return head["prompt"], tail["verb"], tail["uid"], PAREN.findall(first_line)


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("stealth", [False, True])
@pytest.mark.parametrize(("mode", "word"), [(Mode.FAST, "fast"), (Mode.RELAX, "relaxed"), (Mode.TURBO, "turbo")])
def test_every_form_is_read_back(name: str, stealth: bool, mode: Mode, word: str):
    """Prompt, verb, user and tokens come out of each text as they went in."""
    verb, pattern = VERBS[name]
    heading = Heading("cat --v 7.0", "111", verb, mode, stealth)
    token = word + (", stealth" if stealth else "")
    forms = {
        heading.waiting(): ["Waiting to start"],
        heading.progress(31): ["31%", token],
        heading.stopped(): ["Stopped"],
        heading.done(): [token],
        heading.done() + website_token(JOB) + PROMOTION: [token],
    }

    for content, tokens in forms.items():
        prompt, said, user, found = parsed(content)
        assert (prompt, user, found) == ("cat --v 7.0", "111", tokens)
        assert re.fullmatch(pattern, said)


def test_pick_has_neither_mode_nor_percent():
    """`Image #n` stands before the mention and nothing after it."""
    assert parsed(Heading("cat", "111", GRID, Mode.FAST).pick(3)) == ("cat", "Image #3", "111", [])


@pytest.mark.parametrize("prompt", ["", "a\nb", "evil** - <@999> (99%) (fast)", "* ** ***", "🦊 (93%)", "x" * 3900])
def test_hostile_prompts_are_read_back(prompt: str):
    """A prompt that looks like the grammar does not confuse it."""
    content = Heading(prompt, "111", ZOOM_OUT, Mode.FAST).progress(46)

    assert parsed(content) == (prompt, "Zoom Out by", "111", ["46%", "fast"])


@given(st.text(max_size=200), st.sampled_from([verb for verb, _ in VERBS.values()]))
def test_any_prompt_is_read_back(prompt: str, verb: Verb):
    """Whatever the user types stays inside the bold part."""
    said, _, user, tokens = parsed(Heading(prompt, "111", verb, Mode.FAST).done())

    assert (said, user, tokens) == (prompt, "111", ["fast"])


def test_website_token_names_the_job():
    """The link in the text leads to the job."""
    match = LINK.search(website_token(JOB))

    assert match
    assert match[1] == "Open on website for full quality"
    assert match[2].endswith(JOB)


def test_file_stem_is_cut_at_63_characters():
    """Blanks and punctuation become underscores, dashes and dots stay."""
    assert file_stem("user", "a (red) fox, --v 7.0") == "user_a__red__fox__--v_7.0"
    assert len(file_stem("user", "fox " * 50)) == 63
