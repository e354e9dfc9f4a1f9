"""What counts as Midjourney's word about a job, what as trouble of the account, and what as neither."""

from typing import Any

import pytest
from midway.discord.event import Embed, Message
from midway.domain.account import AccountState
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId, MessageId, Nonce
from midway.domain.image import Button, Image
from midway.domain.lifecycle import Accepted, Noticed, Progressed
from midway.domain.task import Remark
from midway.engine.core.classify import (
    Finished,
    Rejected,
    meaning,
    prompts_from_panel,
    remix_from_panel,
    unknown_words,
)

from tests.unit.making import JOB, a_message

RED, YELLOW = 0xFF0000, 0xFFFF00
APPEAL = (Button("MJ::Prompts::Appeal::OqWLXki2ZMU", "Appeal"),)
PICTURE = Image(f"https://cdn.invalid/attachments/1/2/fox_{JOB}.png?ex=1", 1024, 1024)
PREVIEW = Image(f"https://cdn.invalid/ephemeral-attachments/1/2/{JOB}_grid_0.webp?ex=1", 384, 384)
ANSWER: dict[str, Any] = {"nonce": Nonce("9001")}


def refused(message: Message) -> Rejected:
    """Read a message that must be a refusal."""
    found = meaning(message)
    assert isinstance(found, Rejected)
    return found


PREVIEWS: dict[str, Embed] = {
    **{
        kind: Embed("Blocked", "verify you're human", color=RED, type=kind)
        for kind in ("link", "article", "image", "video", "gifv", "poll_result", "a kind of next year")
    },
    "rich, from a provider": Embed("Blocked", "", color=RED, type="rich", provider="A page"),
    "rich, of the page that a short link leads to": Embed(
        "Blocked", "", color=RED, type="rich", url="https://a-page.invalid/"
    ),
    "rich, that declines": Embed("", "x", "decline-revise-frolic", RED, type="rich", url="https://x.invalid/1"),
    "rich, of a link in the text": Embed("Blocked", "", color=RED, type="rich", url="https://s.mj.run/CxoXXAGJKlI"),
}


@pytest.mark.parametrize("preview", PREVIEWS.values(), ids=PREVIEWS.keys())
def test_a_preview_of_a_link_means_nothing(preview: Embed) -> None:
    content = "**a fox --cref https://s.mj.run/CxoXXAGJKlI** - <@1000> (31%) (fast)"

    assert meaning(a_message(content, embeds=(preview,))) == Progressed(31, None, *_fox(content))
    assert unknown_words(a_message(content, embeds=(preview,))) is None


def _fox(content: str) -> tuple[Any, ...]:
    found = meaning(a_message(content))
    assert isinstance(found, Progressed)
    return found.final_prompt, found.job_id, found.speed


def test_a_preview_on_a_panel_or_a_picture_hides_neither() -> None:
    preview = Embed("Internal error", "1️⃣ buy this", color=RED, type="article")
    panel = Embed(description="1️⃣ a fox\n\n2️⃣ a dog", type="rich")
    described = meaning(a_message(embeds=(preview, panel), buttons=(Button("MJ::Job::PicReader::1"),)))
    buttons = (Button(f"MJ::JOB::upsample::1::{JOB}", "U1"),)
    drawn = meaning(a_message("**a fox** - <@1000> (fast)", embeds=(preview,), attachments=(PICTURE,), buttons=buttons))

    assert isinstance(described, Finished)
    assert described.event.result.result_prompts == ("a fox", "a dog")
    assert isinstance(drawn, Finished)


ABOUT_ONE_PROMPT: dict[str, tuple[str, str, tuple[Button, ...]]] = {
    "words about the prompt": (
        "Action needed to continue",
        "Sorry! Our AI moderators feel your prompt might be against our community standards.",
        (),
    ),
    "an Appeal button": ("Action needed to continue", "Please check.", APPEAL),
    "a button that only reads Appeal": (
        "Action needed to continue",
        "Please check.",
        (Button("MJ::Moderation::x", "Appeal"),),
    ),
    "the other heading": ("Action required to continue", "These prompts are not allowed.", ()),
    "an Appeal button below another heading": ("Blocked", "It was blocked.", APPEAL),
    "an Appeal button below an unknown heading": ("Hold on", "Please check.", APPEAL),
    "words about a picture": (
        "Action needed to continue",
        "Sorry! Our AI moderators feel your image might be against our community standards.",
        (),
    ),
    "words below an apology": ("Sorry!", "Our AI moderators feel it is against our community standards.", ()),
    "words below no heading": ("", "Sorry! Our AI moderator thinks it is against our community standards.", ()),
    "words about a picture, without the standards": (
        "Action needed to continue",
        "Our AI moderators feel that your image might be unsafe.",
        (),
    ),
    "words that quote backticks and a check": (
        "Action needed to continue",
        "The words `a` verify you are human `b` may be against our guidelines. Change your prompt.",
        (),
    ),
    "words that quote a check": (
        "Action needed to continue",
        "Our AI moderators feel that verify you're human might be against our community standards.",
        (),
    ),
}


@pytest.mark.parametrize(("title", "text", "buttons"), ABOUT_ONE_PROMPT.values(), ids=ABOUT_ONE_PROMPT.keys())
def test_a_verdict_about_one_prompt_is_no_trouble_of_the_account(
    title: str, text: str, buttons: tuple[Button, ...]
) -> None:
    found = refused(a_message(embeds=(Embed(title, text, color=YELLOW),), buttons=buttons))

    assert (found.event.failure.reason, found.trouble) == (Reason.MODERATED, None)


ABOUT_THE_ACCOUNT: dict[str, tuple[str, str]] = {
    "a person must act": ("Action needed to continue", "Please verify you're human to continue."),
    "a person must act, and a prompt is named": ("Action needed to continue", "Verify you’re human, then prompt on."),
    "nothing more is said": ("Action needed to continue", ""),
    "a task": ("Please complete the task", "Click the picture that shows a fox."),
    "punctuation aside": ("⚠️ BLOCKED!", "You have been blocked."),
    "a check before a prompt": ("Action needed to continue", "Before we run your prompt, verify that you are human."),
    "a task before a prompt": ("Please complete the task", "Then your prompt is run."),
    "a check in the title": ("Verify you're human", "Press a button."),
    "/info of one who is blocked": ("You are blocked.", "You have been blocked from accessing Midjourney."),
    "a sentence without a heading": ("", "You have been temporarily blocked from accessing Midjourney."),
    "a sentence after an apology": ("", "Sorry, you have been blocked from accessing Midjourney."),
    "a ban": ("", "You have been banned."),
    "a plan that ended": ("", "Your subscription has expired."),
    "no free trial": ("", "Due to extreme demand we can't provide a free trial right now. Please /subscribe."),
    "a sentence that contracts": ("", "You’ve been blocked from accessing Midjourney."),
    "a sentence below a general one": ("Error", "You have triggered an abuse alert. You have been blocked."),
    "a sentence below an unknown one": ("Hold on", "You have a pending moderation message."),
}


@pytest.mark.parametrize(("title", "text"), ABOUT_THE_ACCOUNT.values(), ids=ABOUT_THE_ACCOUNT.keys())
def test_where_a_person_must_act_the_account_pauses(title: str, text: str) -> None:
    found = refused(a_message(embeds=(Embed(title, text),)))

    assert found.trouble is not None
    assert found.trouble.state is AccountState.PAUSED


def test_the_buttons_of_a_check_pause_the_account() -> None:
    buttons = (Button("MJ::Captcha::1::abc", "a fox"), Button("MJ::Captcha::2::abc", "a dog"))
    found = refused(a_message(embeds=(Embed("Which one is it?"),), buttons=buttons))

    assert found.event.failure.reason is Reason.VERIFICATION_REQUIRED
    assert found.trouble is not None


NO_TROUBLE = [
    "The sign says: you have been blocked from accessing Midjourney",  # not where the sentence begins
    "`You have been blocked`: not allowed",
    "/imagine you have been blocked",
    "You have been blockedish",
    "You are humane",
]


@pytest.mark.parametrize("text", NO_TROUBLE)
def test_a_sentence_counts_only_where_midjourney_begins_to_speak(text: str) -> None:
    said = a_message(embeds=(Embed("Something new", text, color=RED),))

    assert refused(said).trouble is None


NO_HEADINGS = [
    "Unblocked",
    "Roadblocked streets",
    "Terror of the deep",
    "Mirrored",
    "Undenied",
    "Invalidated tickets",
    "Blocked streets in the rain",  # trouble of the account has nothing beside its heading
    "Queue fullness",
]


@pytest.mark.parametrize("title", NO_HEADINGS)
def test_a_heading_counts_as_words_only(title: str) -> None:
    assert meaning(a_message(embeds=(Embed(title, "why", color=YELLOW),))) == Noticed(f"{title}: why", Remark.UNKNOWN)


PANELS: dict[str, Message] = {
    "/info of somebody with a telling name": a_message(embeds=(Embed("Your info - unblocked_dave", "**Fast**: 1"),)),
    "/info of somebody called like a heading": a_message(embeds=(Embed("Your info - Blocked", "**Fast**: 1"),)),
    "/info of an error": a_message(embeds=(Embed("Your info - error", "**Running Jobs**: None"),), **ANSWER),
    "Remix, switched": a_message("Remix mode turned off! You can always turn this on …", **ANSWER),
    "/relax": a_message("Done! Your jobs now do not consume fast-hours, but might take longer.", **ANSWER),
    "/settings": a_message("Adjust your settings here. Current suffix: `--v 7`", **ANSWER),
    "a rating": a_message("You have successfully rated [this job](https://discord.com/1/2/3) with 😍", **ANSWER),
    "settings without a word": a_message(buttons=(Button("MJ::Settings::RemixMode", "Remix mode"),), **ANSWER),
    "an answer to another command": a_message(
        "New prompts will be suffixed with `--error`", interaction_name="prefer suffix", **ANSWER
    ),
    "an embed that answers another command": a_message(
        embeds=(Embed("Invalid things and where to find them", "…"),), interaction_name="help", **ANSWER
    ),
}


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS.keys())
def test_a_panel_means_nothing_for_jobs(panel: Message) -> None:
    assert meaning(panel) is None


def test_trouble_that_answers_a_panels_command_is_seen() -> None:
    blocked = a_message(embeds=(Embed("Blocked", "You have been blocked."),), interaction_name="settings", **ANSWER)

    assert refused(blocked).trouble is not None


def test_a_job_whose_prompt_begins_like_a_panel_is_a_job() -> None:
    assert meaning(a_message("**settings, done by a machine** - <@1000> (Waiting to start)")) == Accepted(
        "settings, done by a machine"
    )


TEXTS: dict[str, tuple[str, Reason]] = {
    "a parameter": (
        "Invalid parameter\nUnrecognized parameter(s): use_raw\n/imagine a fox --use_raw",
        Reason.INVALID_PROMPT,
    ),
    "a parameter, at once": ("Unrecognized parameter(s): `--foo`", Reason.INVALID_PROMPT),
    "a failure": ("Failed to process your command :c", Reason.UPSTREAM_REJECTED),
    "an error": ("There was an error processing your request.", Reason.UPSTREAM_REJECTED),
    "an error of theirs": ("Internal Error", Reason.UPSTREAM_REJECTED),
    "a bad response": ("Bad response", Reason.UPSTREAM_REJECTED),
    "an apology": ("Sorry! Could not complete the job!", Reason.UPSTREAM_REJECTED),
    "a time": ("Slow Down!\nYou can request another upscale <t:1774990054:R>", Reason.UPSTREAM_REJECTED),
    "a check for a person": ("Please verify you're human", Reason.VERIFICATION_REQUIRED),
    "a check, in other words": ("Please confirm that you are a human.", Reason.VERIFICATION_REQUIRED),
    "a full queue": ("Your job queue is full. Please wait for a job to finish first.", Reason.UPSTREAM_QUEUE_FULL),
    "a slow bot": ("Midjourney Bot took too long to process your command", Reason.UPSTREAM_REJECTED),
    "a job cancelled": ("This job was canceled.", Reason.UPSTREAM_REJECTED),
    "an upscale asked for twice": ("You've already requested an upscale for this image", Reason.UPSTREAM_REJECTED),
    "no hours": ("You've run out of hours! To create more images, purchase some.", Reason.CREDITS_EXHAUSTED),
    "a block": ("You have been blocked from accessing Midjourney. This happens on …", Reason.ACCOUNT_PAUSED),
    "an appeal": ("Your appeal has been rejected", Reason.MODERATED),
}


@pytest.mark.parametrize(("text", "reason"), TEXTS.values(), ids=TEXTS.keys())
def test_a_plain_text_refuses_too_and_is_told_as_it_was_said(text: str, reason: Reason) -> None:
    failure = refused(a_message(text)).event.failure

    assert (failure.reason, failure.message) == (reason, text)


@pytest.mark.parametrize(
    "said", ["You have been blocked from accessing Midjourney.\nFor a day.", "Subscription required"]
)
def test_old_clients_are_told_trouble_that_comes_without_a_title(said: str) -> None:
    """The title tells them that the words are Midjourney's: a text's first line is one."""
    for message in (a_message(said), a_message(embeds=(Embed(description=said),))):
        failure = refused(message).event.failure

        assert (failure.upstream_title, failure.message) == (said.partition("\n")[0], said)


TITLED: dict[str, tuple[str, Reason]] = {
    "a failure": ("Failed to describe your image", Reason.UPSTREAM_REJECTED),
    "an inability": ("Could not animate", Reason.UPSTREAM_REJECTED),
    "a parameter": ("Unrecognized parameter(s)", Reason.INVALID_PROMPT),
}


@pytest.mark.parametrize(("title", "reason"), TITLED.values(), ids=TITLED.keys())
@pytest.mark.parametrize("color", [None, RED])
def test_a_title_may_be_such_a_sentence(title: str, reason: Reason, color: int | None) -> None:
    assert refused(a_message(embeds=(Embed(title, "why", color=color),))).event.failure.reason is reason


WAITS = {
    "many jobs, 2022": Embed("Your job will start shortly", "You have reached the maximum …"),
    "many jobs, without a title": Embed("", "You have reached the maximum allowed number of concurrent jobs. Don't …"),
    "no pictures on the way, 2023": Embed("", "Progress images have been disabled. Don't worry, the results will …"),
}


@pytest.mark.parametrize("embed", WAITS.values(), ids=WAITS.keys())
def test_what_announces_a_silence_ends_no_job(embed: Embed) -> None:
    found = meaning(a_message(embeds=(embed,), **ANSWER))

    assert isinstance(found, Noticed)
    assert found.remark is Remark.QUEUED_UPSTREAM


def test_an_embed_without_a_title_is_read_like_a_text() -> None:
    found = refused(a_message(embeds=(Embed(description="Invalid parameter\nUnrecognized parameter(s): x"),)))

    assert found.event.failure.reason is Reason.INVALID_PROMPT


def test_a_footer_that_declines_is_a_refusal_in_any_colour_and_its_code_is_told() -> None:
    embed = Embed("Something of next year", "The job encountered it.", "decline-revise-frolic")
    failure = refused(a_message(embeds=(embed,), reference_id=MessageId("4000"))).event.failure

    assert failure.reason is Reason.MODERATED
    assert failure.message == "[Something of next year] The job encountered it.\ndecline-revise-frolic"


def test_a_time_makes_slow_down_a_refusal() -> None:
    timed = Embed("Slow Down!", "You can request another upscale for this image <t:1774990054:R>")

    assert refused(a_message(embeds=(timed,))).event.failure.reason is Reason.UPSTREAM_REJECTED
    assert isinstance(meaning(a_message(embeds=(Embed("Slow Down!", "Take a breath."),))), Noticed)


QUOTES: dict[str, Message] = {
    "a refusal quotes a prompt that speaks of a check": a_message(
        embeds=(Embed("Something new", "Not allowed: `verify you're human`", "/imagine verify you're human"),)
    ),
    "a text quotes such a prompt": a_message("Something new\n/imagine verify you're human", **ANSWER),
    "a text quotes backticks, too": a_message("The words `x` verify you are human `y` are not allowed", **ANSWER),
    "a text begins with a quoted heading": a_message("`queue full` is your suffix now", **ANSWER),
    "a text begins with the command": a_message("/imagine blocked", **ANSWER),
    "a prompt is a heading": a_message("**Blocked** something that is no job", **ANSWER),
}


@pytest.mark.parametrize("message", QUOTES.values(), ids=QUOTES.keys())
def test_what_a_client_wrote_is_not_taken_for_midjourneys_word(message: Message) -> None:
    found = meaning(message)

    assert isinstance(found, Noticed)
    assert found.remark is Remark.UNKNOWN


def test_a_prompt_that_names_a_prompt_does_not_hide_a_check() -> None:
    check = Embed("Action needed to continue", "Please continue on our page.\n/imagine a prompt")

    assert refused(a_message(embeds=(check,))).trouble is not None


@pytest.mark.parametrize("command", ["describe", "shorten"])
def test_a_panel_is_known_by_its_command_and_its_numbers_too(command: str) -> None:
    """Public dumps show it without its buttons; they may come by a later edit."""
    panel = Embed(description="1️⃣ a fox\n\n2️⃣ a dog")
    found = meaning(a_message(embeds=(panel,), interaction_name=command, **ANSWER))

    assert isinstance(found, Finished)
    assert found.event.result.result_prompts == ("a fox", "a dog")
    assert isinstance(meaning(a_message(embeds=(panel,), **ANSWER)), Noticed)


def test_every_embed_is_told_and_the_one_that_refuses_counts() -> None:
    embeds = (Embed("By the way", "we have news"), Embed("Image denied", "not this one", fields=(("Rule", "7"),)))
    failure = refused(a_message(embeds=embeds)).event.failure

    assert (failure.reason, failure.upstream_title) == (Reason.MODERATED, "Image denied")
    assert failure.message == "[By the way] we have news\n[Image denied] not this one\nRule: 7"


def test_unknown_words_are_told_whole() -> None:
    embeds = (Embed("One", "first"), Embed(description="second"))

    assert meaning(a_message(embeds=embeds)) == Noticed("One: first\nsecond", Remark.UNKNOWN)


def test_a_footer_is_told_where_nothing_else_is() -> None:
    assert meaning(a_message(embeds=(Embed(footer="Ask later"),))) == Noticed("Ask later", Remark.UNKNOWN)


ANSWERS: dict[str, dict[str, Any]] = {
    "our nonce": {"nonce": Nonce("9001")},
    "an interaction": {"interaction_id": InteractionId("1")},
    "a reply": {"reference_id": MessageId("4000")},
    "a button's message": {"interacted_message_id": MessageId("4000")},
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_unknown_text_counts_when_it_answers_something(answers: dict[str, Any]) -> None:
    text = "The moon is too full for this."

    assert meaning(a_message(text, **answers)) == Noticed(text, Remark.UNKNOWN)
    assert meaning(a_message(text)) is None


@pytest.mark.parametrize("text", ["Displaying...", "Animating...", "Describing your image…", ""])
def test_an_interlude_is_a_sign_of_life(text: str) -> None:
    assert meaning(a_message(text, **ANSWER)) == Accepted()


STOPPED: dict[str, Message] = {
    "alone": a_message("**a fox** - <@1000> (Stopped)"),
    "with a percentage": a_message("**a fox** - <@1000> (46%) (Stopped)"),
    "with what was drawn": a_message("**a fox** - <@1000> (Stopped)", attachments=(PREVIEW,)),
    "with a picture and buttons": a_message(
        "**a fox** - <@1000> (Stopped) (fast)",
        attachments=(PICTURE,),
        buttons=(Button(f"MJ::JOB::reroll::0::{JOB}::SOLO"),),
    ),
}


@pytest.mark.parametrize("message", STOPPED.values(), ids=STOPPED.keys())
def test_a_stopped_job_has_ended_without_a_result(message: Message) -> None:
    failure = refused(message).event.failure

    assert (failure.reason, failure.upstream_title) == (Reason.UPSTREAM_REJECTED, "Stopped")
    assert "stopped" in failure.message


def test_words_that_come_with_a_stop_are_its_reason() -> None:
    embed = Embed("Request cancelled due to image filters", "Try another picture.")
    known = refused(a_message("**a fox** - <@1000> (Stopped)", embeds=(embed,)))
    unknown = refused(a_message("**a fox** - <@1000> (Stopped)", embeds=(Embed("Full moon", "Try tomorrow."),)))

    assert known.event.failure.reason is Reason.MODERATED
    assert unknown.event.failure.message == "[Full moon] Try tomorrow."


def test_a_film_without_a_word_is_the_result() -> None:
    film = Image(f"https://cdn.invalid/attachments/1/2/{JOB}_1_720_N.mp4?ex=1", content_type="video/mp4")
    found = meaning(a_message(attachments=(film,), reference_id=MessageId("4000")))

    assert isinstance(found, Finished)
    assert (found.event.result.image, found.event.result.job_id) == (film, JOB)


LINKED: dict[str, tuple[str, str]] = {
    "one": (
        "by [Craigie Aitchison](https://goo.gl/search?artist%20Craigie%20Aitchison). So",
        "by Craigie Aitchison. So",
    ),
    "two": ("[A](https://a.invalid) and [B](https://b.invalid)", "A and B"),
    "parentheses in the address": ("[Foo](https://en.wikipedia.org/wiki/Foo_(bar)) x", "Foo x"),
    "nested ones": ("[Foo](https://a.invalid/q_(a_(b)_c)) x", "Foo x"),
    "brackets in the words": ("[Foo [bar]](https://a.invalid/?a[0]=1) x", "Foo [bar] x"),
    "an address in angles, with a title": ('[Foo](<https://a.invalid/a b> "Bar") x', "Foo x"),
    "no link": ("a [fox] (red) [1] --ar 3:2", "a [fox] (red) [1] --ar 3:2"),
    "a bare address": ("a fox https://a.invalid/x_(y)", "a fox https://a.invalid/x_(y)"),
}


@pytest.mark.parametrize(("line", "prompt"), LINKED.values(), ids=LINKED.keys())
def test_of_a_link_in_a_described_line_the_words_are_the_prompt(line: str, prompt: str) -> None:
    assert prompts_from_panel(f"1️⃣ {line}\n\n2️⃣ a dog") == (prompt, "a dog")


@pytest.mark.parametrize(
    "switch",
    [
        Button("MJ::Settings::RemixMode", "", style=3),
        Button("MJ::Settings::RemixMode::1", "🎛️ Remix", style=3),
        Button("MJ::NewSettings::1", "Remix mode", style=3),
    ],
)
def test_the_remix_switch_is_known_by_its_label_or_its_id(switch: Button) -> None:
    assert remix_from_panel(a_message(buttons=(switch,))) is True
