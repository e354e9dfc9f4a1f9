"""The text grammar of discord-wire 2.3: every form, and every weakness found in other parsers."""

import pytest
from midway.discord.message import Content, parse_content
from midway.domain.action import Speed, Verb
from midway.domain.ids import JobId, UserId

USER = UserId("111111111111111111")
JOB = JobId("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
LINK = f"[(Open on website for full quality)](<https://midjourney.com/jobs/{JOB}>)"
PROMOTION = "\n-# Create, explore, and organize on [midjourney.com](<https://midjourney.com/explore>) (new)"


def content(prompt: str, verb: Verb, **rest: object) -> Content:
    return Content(prompt=prompt, verb=verb, user_id=USER, **rest)  # type: ignore[arg-type]  # fields by name


FORMS = {
    "final grid": (f"**cat --v 7.0** - <@{USER}> (fast)", content("cat --v 7.0", Verb.GRID, speed=Speed.FAST)),
    "queued": (
        f"**cat** - <@{USER}> (Waiting to start)",
        content("cat", Verb.GRID, flags=("Waiting to start",)),
    ),
    "progress": (f"**cat** - <@{USER}> (31%) (fast)", content("cat", Verb.GRID, percent=31, speed=Speed.FAST)),
    "nothing done yet": (
        f"**cat** - <@{USER}> (0%) (relaxed)",
        content("cat", Verb.GRID, percent=0, speed=Speed.RELAX),
    ),
    "stealth": (
        f"**cat** - <@{USER}> (93%) (turbo, stealth)",
        content("cat", Verb.GRID, percent=93, speed=Speed.TURBO, stealth=True),
    ),
    "stopped": (
        f"**cat** - <@{USER}> (46%) (Stopped)",
        content("cat", Verb.GRID, percent=46, flags=("Stopped",)),
    ),
    "variation by number": (
        f"**cat** - Variations by <@{USER}> (fast)",
        content("cat", Verb.VARY, speed=Speed.FAST),
    ),
    "vary strong": (
        f"**cat** - Variations (Strong) by <@{USER}> (relaxed)",
        content("cat", Verb.VARY, speed=Speed.RELAX),
    ),
    "vary region": (
        f"**cat** - Variations (Region) by <@{USER}> (fast)",
        content("cat", Verb.VARY, speed=Speed.FAST),
    ),
    "remix": (f"**cat** - Remix by <@{USER}> (fast)", content("cat", Verb.VARY, speed=Speed.FAST)),
    "remix subtle": (
        f"**cat** - Remix (Subtle) by <@{USER}> (fast)",
        content("cat", Verb.VARY, speed=Speed.FAST),
    ),
    "pick": (f"**cat** - Image #3 <@{USER}>", content("cat", Verb.PICK, pick_index=3)),
    "hd progress": (
        f"**cat** - Upscaling by <@{USER}> (31%) (fast)",
        content("cat", Verb.HD, percent=31, speed=Speed.FAST),
    ),
    "hd subtle progress": (
        f"**cat** - Upscaling (Subtle) by <@{USER}> (0%) (fast)",
        content("cat", Verb.HD, percent=0, speed=Speed.FAST),
    ),
    "hd final": (
        f"**cat** - Upscaled (4x) by <@{USER}> (fast)",
        content("cat", Verb.HD, speed=Speed.FAST),
    ),
    "hd of old": (f"**cat** - Upscaled by <@{USER}> (fast)", content("cat", Verb.HD, speed=Speed.FAST)),
    "zoom": (f"**cat** - Zoom Out by <@{USER}> (turbo)", content("cat", Verb.ZOOM, speed=Speed.TURBO)),
    "pan": (
        f"**cat** - Pan Left by <@{USER}> (relaxed)",
        content("cat", Verb.PAN, speed=Speed.RELAX),
    ),
    "blend": (
        f"**<https://s.mj.run/aaaaaaaaaaa> <https://s.mj.run/bbbbbbbbbbb> --v 7.0** - <@{USER}> (fast)",
        content("<https://s.mj.run/aaaaaaaaaaa> <https://s.mj.run/bbbbbbbbbbb> --v 7.0", Verb.GRID, speed=Speed.FAST),
    ),
    "empty prompt": (f"**** - <@{USER}> (fast)", content("", Verb.GRID, speed=Speed.FAST)),
    "video": (
        f"**car --video 1** - <@{USER}> (75%) (fast)",
        content("car --video 1", Verb.GRID, percent=75, speed=Speed.FAST),
    ),
    "website token": (
        f"**cat** - Pan Up by <@{USER}> (Open on website for full quality) (fast)",
        content("cat", Verb.PAN, speed=Speed.FAST, flags=("Open on website for full quality",)),
    ),
    "website link": (
        f"**cat** - Upscaled (2x) by <@{USER}> (fast) {LINK}",
        content("cat", Verb.HD, speed=Speed.FAST, job_id=JOB),
    ),
    "link before mode": (
        f"**cat** - Zoom Out by <@{USER}> {LINK} (fast)",
        content("cat", Verb.ZOOM, speed=Speed.FAST, job_id=JOB),
    ),
    "promotion": (f"**cat** - <@{USER}> (fast){PROMOTION}", content("cat", Verb.GRID, speed=Speed.FAST)),
    "bold promotion": (
        f"**cat** - <@{USER}> (fast)\n-# **Create** - explore (now)",
        content("cat", Verb.GRID, speed=Speed.FAST),
    ),
    "nickname mention": (f"**cat** - <@!{USER}> (fast)", content("cat", Verb.GRID, speed=Speed.FAST)),
    "mention in prompt": (
        f"**a <@222222222222222222> portrait** - <@{USER}> (fast)",
        content("a <@222222222222222222> portrait", Verb.GRID, speed=Speed.FAST),
    ),
    "grammar in prompt": (
        f"**x** - <@1> (fast)** - Image #2 <@{USER}>",
        content("x** - <@1> (fast)", Verb.PICK, pick_index=2),
    ),
    "newline in prompt": (
        f"**first\nsecond --v 7** - <@{USER}> (fast)",
        content("first\nsecond --v 7", Verb.GRID, speed=Speed.FAST),
    ),
    "stars in prompt": (
        f"**a ** bold** move - or two** - <@{USER}> (fast)",
        content("a ** bold** move - or two", Verb.GRID, speed=Speed.FAST),
    ),
    "emoji": (f"**🦊 fox** - <@{USER}> (fast)", content("🦊 fox", Verb.GRID, speed=Speed.FAST)),
    "6000 characters": (
        f"**{'fox ' * 1500}** - <@{USER}> (fast)",
        content("fox " * 1500, Verb.GRID, speed=Speed.FAST),
    ),
    "unknown verb": (
        f"**cat** - Relighting by <@{USER}> (fast)",
        content("cat", Verb.OTHER, speed=Speed.FAST),
    ),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS)
def test_every_form_is_read(text, expected):
    assert parse_content(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Displaying...",
        "Animating...",
        "Done! Your jobs now do not consume fast-hours, but might take a little longer.",
        "Remix mode turned on!",
        "Failed to process your command",
        "**bold** but no job",
        "**Your info** - here",
        "look at **cat** - <@111111111111111111> (fast)",
    ],
)
def test_other_texts_are_no_content(text):
    assert parse_content(text) is None


@pytest.mark.parametrize("text", ["*" * 6000, "** - " * 1200, "**" + "a" * 6000, "** - <@" * 850])
def test_hostile_texts_are_no_content(text):
    """Texts that make a backtracking pattern slow are just not content."""
    assert parse_content(text) is None


@pytest.mark.parametrize("tokens", ["(46%) (relax)", "(relax 46%)", "(46%) (relaxed, stealth)"])
def test_progress_and_speed_are_read_in_each_spelling(tokens):
    """Source: tests of public clients, 2023 to 2026."""
    found = parse_content(f"**cat** - <@{USER}> {tokens}")

    assert found is not None
    assert found.percent == 46
    assert found.speed in {None, Speed.RELAX}


def test_a_promotion_does_not_hide_the_job_link():
    found = parse_content(f"**cat** - <@{USER}> (fast) {LINK}{PROMOTION}")

    assert found is not None
    assert found.job_id == JOB
