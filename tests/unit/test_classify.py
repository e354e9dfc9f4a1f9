"""What each text and colour of Midjourney's means; every row of the table has its message here."""

from typing import Any

import pytest
from midway.discord.event import Embed, IframeOpened, Message
from midway.domain.account import AccountState
from midway.domain.action import Speed, Verb
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId
from midway.domain.image import Button, Image
from midway.domain.lifecycle import Accepted, Noticed, Progressed
from midway.domain.task import Remark
from midway.engine.core.classify import (
    HEADINGS,
    MAX_FAILURE_CHARACTERS,
    Finished,
    Rejected,
    is_human_check,
    meaning,
    prompts_from_panel,
    remix_from_panel,
)

from tests.unit.making import JOB, a_message

RED, YELLOW, GREEN = 16711680, 16776960, 65280
DISCORDS_RED = 15548997
PICTURE = Image(f"https://cdn.invalid/attachments/1/2/fox_{JOB}.png?ex=1", 1024, 1024)
PREVIEW = Image(f"https://cdn.invalid/attachments/1/2/{JOB}_grid_0.webp?ex=1", 384, 384)
STEP = Image(f"https://cdn.invalid/ephemeral-attachments/1/2/{JOB}_0_step_3.jpeg?ex=1", 384, 384)
BUTTONS = (Button(f"MJ::JOB::upsample::1::{JOB}", "U1"),)
CANCEL = (Button(f"MJ::CancelJob::ByJobid::{JOB}", "Cancel Job", style=4),)


def embed_of(title: str, description: str = "why", color: int | None = RED) -> Message:
    """Make a message that holds one embed."""
    return a_message(embeds=(Embed(title, description, color=color),))


# Title as Midjourney writes it, its colour, what it means for the Task and for the Account.
TITLES: list[tuple[str, int, Reason, AccountState | None]] = [
    ("Invalid parameter", RED, Reason.INVALID_PROMPT, None),
    ("Invalid prompt", RED, Reason.INVALID_PROMPT, None),
    ("Invalid link", YELLOW, Reason.INVALID_LINK, None),
    ("Invalid link!", YELLOW, Reason.INVALID_LINK, None),
    ("Invalid request", RED, Reason.INVALID_PROMPT, None),
    ("Banned prompt detected", RED, Reason.MODERATED, None),
    ("Request cancelled due to output filters", RED, Reason.MODERATED, None),
    ("Image denied", RED, Reason.MODERATED, None),
    ("Action denied", RED, Reason.MODERATED, None),
    ("Duplicate images detected", YELLOW, Reason.DUPLICATE_IMAGES, None),
    ("Queue full", RED, Reason.UPSTREAM_QUEUE_FULL, None),
    ("Internal error", RED, Reason.UPSTREAM_REJECTED, None),
    ("Internal server error", YELLOW, Reason.UPSTREAM_REJECTED, None),
    ("There was an error processing your request.", GREEN, Reason.UPSTREAM_REJECTED, None),
    ("Something nobody has seen", RED, Reason.UPSTREAM_REJECTED, None),
    ("Something else in Discord's red", DISCORDS_RED, Reason.UPSTREAM_REJECTED, None),
    ("Banned prompt", YELLOW, Reason.MODERATED, None),
    ("Banned image prompt", YELLOW, Reason.MODERATED, None),
    ("Request cancelled due to image filters", YELLOW, Reason.MODERATED, None),
    ("Request canceled due to image filters", YELLOW, Reason.MODERATED, None),
    ("Empty prompt", YELLOW, Reason.INVALID_PROMPT, None),
    ("Job action restricted", YELLOW, Reason.UPSTREAM_REJECTED, None),
    ("Sorry! Could not complete the job!", YELLOW, Reason.UPSTREAM_REJECTED, None),
    ("Sorry, something went wrong", YELLOW, Reason.UPSTREAM_REJECTED, None),
    ("Bad response", YELLOW, Reason.UPSTREAM_REJECTED, None),
    ("Please complete the task", YELLOW, Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    ("Tos not accepted", YELLOW, Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    ("Action needed to continue", YELLOW, Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    ("Action required to continue", YELLOW, Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    ("Pending mod message", RED, Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    ("Blocked", RED, Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    ("Abuse alert", RED, Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    *(
        (f"{what} {state}", RED, Reason.ACCOUNT_PAUSED, AccountState.PAUSED)
        for what in ("Subscription", "Plan")
        for state in ("required", "paused", "Cancelled", "expired")
    ),
    ("Credits exhausted", YELLOW, Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    ("Fast hours exhausted", YELLOW, Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    ("Appeal rejected", YELLOW, Reason.MODERATED, None),
    ("Job canceled", YELLOW, Reason.UPSTREAM_REJECTED, None),
]


@pytest.mark.parametrize(("title", "color", "reason", "account"), TITLES, ids=[title for title, *_ in TITLES])
def test_a_title_means_its_reason(title: str, color: int, reason: Reason, account: AccountState | None) -> None:
    found = meaning(embed_of(title, color=color))

    assert isinstance(found, Rejected)
    assert (found.event.failure.reason, found.event.failure.upstream_title) == (reason, title)
    assert (found.trouble.state if found.trouble else None) is account


def test_every_row_of_the_table_has_a_title_here() -> None:
    titles = [title.casefold().replace("canceled", "cancelled") for title, *_ in TITLES]
    shown = [*titles, "job queued", "slow down!"]

    assert [row.title for row in HEADINGS if not any(row.title in title for title in shown)] == []


def test_only_a_full_queue_is_worth_another_try() -> None:
    found = [meaning(embed_of(title, color=color)) for title, color, *_ in TITLES]

    assert [each.event.failure.upstream_title for each in found if isinstance(each, Rejected) and each.retry] == [
        "Queue full"
    ]


@pytest.mark.parametrize(
    ("title", "remark"),
    [("Job queued", Remark.QUEUED_UPSTREAM), ("Something new, in no alarming colour", Remark.UNKNOWN)],
)
def test_a_remark_ends_nothing(title: str, remark: Remark) -> None:
    assert meaning(embed_of(title, color=GREEN)) == Noticed(f"{title}: why", remark)


def test_a_check_for_a_person_is_known_by_its_text_too() -> None:
    found = meaning(embed_of("One moment", "Please verify you're human to continue.", YELLOW))

    assert isinstance(found, Rejected)
    assert found.trouble is not None
    assert found.trouble.state is AccountState.PAUSED


def test_a_text_is_told_whole_up_to_discords_own_limit() -> None:
    whole = meaning(embed_of("Banned prompt detected", "x" * 4096))
    found = meaning(embed_of("Banned prompt detected", "x" * 7000))

    assert isinstance(whole, Rejected)
    assert whole.event.failure.message == "[Banned prompt detected] " + "x" * 4096

    assert isinstance(found, Rejected)
    assert len(found.event.failure.message) == MAX_FAILURE_CHARACTERS


def test_a_content_that_begins_with_failed_is_a_failure() -> None:
    assert isinstance(meaning(a_message("Failed to process your command")), Rejected)


SIGNS: dict[str, tuple[Message, Any]] = {
    "waiting": (a_message("**a fox** - <@1000> (Waiting to start)"), Accepted("a fox")),
    "percent": (
        a_message("**a fox** - <@1000> (31%) (relaxed)", attachments=(PREVIEW,)),
        Progressed(31, PREVIEW, "a fox", JOB, Speed.RELAX),
    ),
    "percent without preview": (
        a_message("**a fox** - <@1000> (0%) (fast)"),
        Progressed(0, None, "a fox", None, Speed.FAST),
    ),
    "a picture without buttons is not the end": (
        a_message("**a fox** - <@1000> (fast)", attachments=(PICTURE,)),
        Accepted("a fox"),
    ),
    "a picture that can still be cancelled": (
        a_message("**a fox** - <@1000> (fast)", attachments=(PICTURE,), buttons=CANCEL),
        Accepted("a fox"),
    ),
    "a picture that is half drawn": (
        a_message("**a fox** - <@1000> (fast)", attachments=(PREVIEW,), buttons=BUTTONS),
        Accepted("a fox"),
    ),
    "a picture of a step": (
        a_message("**a fox** - <@1000> (fast)", attachments=(STEP,), buttons=BUTTONS),
        Accepted("a fox"),
    ),
    "a pick that can still be cancelled": (
        a_message("**a fox** - Image #2 <@1000>", attachments=(PICTURE,), buttons=CANCEL),
        Accepted("a fox"),
    ),
    "paused": (
        a_message("**a fox** - <@1000> (paused) (fast)", attachments=(PICTURE,), buttons=BUTTONS),
        Accepted("a fox"),
    ),
    "a button's job that has not begun": (
        a_message("Zooming out of image #1 with **a fox** - <@1000> (Waiting to start)"),
        Accepted("a fox"),
    ),
    "deferred": (a_message(""), Accepted()),
    "displaying": (a_message("Displaying..."), Accepted()),
    "chat": (a_message("Welcome to the server!"), None),
}


@pytest.mark.parametrize(("message", "expected"), SIGNS.values(), ids=SIGNS.keys())
def test_a_message_on_the_way_means(message: Message, expected: object) -> None:
    assert meaning(message) == expected


FINALS = {
    "a grid": ("**a fox** - <@1000> (fast)", Verb.GRID),
    "a variation": ("**a fox** - Variations (Strong) by <@1000> (fast)", Verb.VARY),
    "a region": ("**a fox** - Remix (Region) by <@1000> (fast)", Verb.VARY),
    "an upscale": ("**a fox** - Upscaled (Subtle) by <@1000> (fast)", Verb.HD),
    "a zoom": ("**a fox** - Zoom Out by <@1000> (fast)", Verb.ZOOM),
    "a pan": ("**a fox** - Pan Left by <@1000> (fast)", Verb.PAN),
    "a pick": ("**a fox** - Image #2 <@1000>", Verb.PICK),
    "a grid of nobody's words": ("**<https://s.mj.run/x>** - <@1000> (turbo, stealth)", Verb.GRID),
}


@pytest.mark.parametrize(("content", "verb"), FINALS.values(), ids=FINALS.keys())
def test_a_picture_with_buttons_is_the_end(content: str, verb: Verb) -> None:
    found = meaning(a_message(content, attachments=(PICTURE,), buttons=BUTTONS))

    assert isinstance(found, Finished)
    assert found.verb is verb
    assert (found.event.result.job_id, found.event.result.image) == (JOB, PICTURE)


def test_a_describe_panel_is_an_end_with_its_prompts() -> None:
    text = "1️⃣ a fox --ar 1:1\n\n2️⃣ a dog\n\n3️⃣ a cat\n\n4️⃣ a cow"
    panel = a_message(
        embeds=(Embed(description=text, color=GREEN, image_url="https://cdn.invalid/sent.png"),),
        buttons=(Button("MJ::Job::PicReader::1", emoji="1️⃣"),),
    )
    found = meaning(panel)

    assert isinstance(found, Finished)
    assert found.event.result.result_prompts == ("a fox --ar 1:1", "a dog", "a cat", "a cow")
    assert found.event.result.image == Image("https://cdn.invalid/sent.png")


def test_a_shorten_panel_proposes_what_stands_below_its_heading() -> None:
    text = "**1️⃣** tokens 1️⃣ no\n\n## Shortened prompts\n1️⃣ a fox in snow\n2️⃣ a fox"

    assert prompts_from_panel(text) == ("a fox in snow", "a fox")


@pytest.mark.parametrize(("style", "expected"), [(3, True), (2, False)])
def test_the_remix_switch_is_read_by_its_colour(style: int, expected: bool) -> None:
    switch = Button("MJ::Settings::RemixMode", "Remix mode", style=style)

    assert remix_from_panel(a_message(buttons=(switch,))) is expected


def test_a_message_without_the_switch_tells_nothing_of_remix() -> None:
    assert remix_from_panel(a_message(buttons=BUTTONS)) is None


@pytest.mark.parametrize(
    ("title", "path", "expected"),
    [
        ("Action required to continue", "/page", True),
        ("ACTION REQUIRED TO CONTINUE ", "", True),
        ("", "/captcha/embedded/1", True),
        ("Vary (Region)", "/inpaint/index.html", False),
    ],
)
def test_a_check_for_a_person_is_told_from_an_editor(title: str, path: str, expected: bool) -> None:
    assert is_human_check(IframeOpened(InteractionId("1"), None, "MJ::iframe::x", title, path)) is expected


YES, NO, SHOW = (
    Button("MJ::Prompts::1", "Yes"),
    Button("MJ::Prompts::2", "No"),
    Button("MJ::Prompts::3", "Show Prompts"),
)
QUESTIONS = {
    "an embed": a_message(embeds=(Embed("Are you sure?", "4 prompts"),), buttons=(YES, NO, SHOW)),
    "a text": a_message(content="Are you sure? 4 prompts", buttons=(NO, YES)),
    "an embed like a refusal": a_message(embeds=(Embed("Job queued", "4 prompts"),), buttons=(YES, NO)),
}


@pytest.mark.parametrize("message", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_question_ends_the_job_with_its_words(message: Message) -> None:
    """Nobody answers it, so nothing follows."""
    found = meaning(message)

    assert isinstance(found, Rejected)
    assert found.event.failure.reason is Reason.INVALID_PROMPT
    assert "4 prompts" in found.event.failure.message
    assert not found.retry
    assert found.trouble is None


@pytest.mark.parametrize("buttons", [(YES,), (NO, SHOW)])
def test_a_single_answer_makes_no_question(buttons: tuple[Button, ...]) -> None:
    assert not isinstance(meaning(a_message(embeds=(Embed("Are you sure?", ""),), buttons=buttons)), Rejected)
