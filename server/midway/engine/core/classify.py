"""What a message means, independently of any Task. Pure functions.

What Midjourney's headings and texts mean is in `headings`; here are the rules for the parts of a message, and their
order.
Source of every rule: discord-wire 2.3, 2.4, 4.1 and 10.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from midway.discord.event import Embed, IframeOpened, Message
from midway.discord.message import Content, job_id, panel_embed, parse_content
from midway.domain.account import AccountState
from midway.domain.action import COMMANDS_OF_JOBS, Verb
from midway.domain.errors import Reason
from midway.domain.image import Button, Image
from midway.domain.lifecycle import Accepted, Failed, Noticed, Progressed, Result, Succeeded
from midway.domain.task import Failure, Remark
from midway.engine.core import headings
from midway.engine.core.headings import HEADINGS, Heading

__all__ = [
    "EPHEMERAL",
    "HEADINGS",
    "MAX_FAILURE_CHARACTERS",
    "Finished",
    "Heading",
    "Meaning",
    "Rejected",
    "Trouble",
    "is_human_check",
    "meaning",
    "prompts_from_panel",
    "remix_from_panel",
    "unknown_words",
]

REDS = frozenset({0xFF0000, 0xED4245})  # Midjourney's red, and the one that Discord's libraries call red
EPHEMERAL = 64  # message flag: only the Account itself sees it
MAX_FAILURE_CHARACTERS = 6000  # Discord's limit on all of a message's embeds, so that texts are kept whole
MAX_TITLE_CHARACTERS = 256  # Discord's limit on the title of an embed

HUMAN_CHECK_PATH = "/captcha/"
APPEAL_BUTTON, APPEAL_LABEL = "MJ::Prompts::Appeal::", "appeal"  # on a message that refuses one prompt
CANCEL_BUTTON = "MJ::CancelJob"  # while a job runs
ASKED = frozenset({"yes", "no"})  # labels of the buttons of a question, as --repeat and {a, b} cause one
SETTINGS_BUTTON = "MJ::Settings::"
REMIX_BUTTON, REMIX_LABEL = "MJ::Settings::Remix", "Remix mode"
SWITCHED_ON = 3  # Discord's green button style

# Flags in a job's text, lower case.
STOPPED = "stopped"
NOT_YET = frozenset({"waiting to start", "paused"})
# File names of preview pictures; that of a finished one ends with the job's UUID.
HALF_DRAWN = re.compile(r"(?:^|_)(?:grid|progress_image)_\d+\.webp$|_step_\d+\.jpe?g$", re.IGNORECASE)
# Interim texts such as "Describing…": an answer, after which another message follows.
INTERLUDE = re.compile(r"[A-Z][a-z]+ing\b[^\n]{0,40}(?:\.{3}|…)$")
SHORTEN_HEADING = re.compile(r"shortened prompts?:?", re.IGNORECASE)
KEYCAP_LINE = re.compile(
    r"^[^\S\n]*+([1-9])\N{VARIATION SELECTOR-16}?\N{COMBINING ENCLOSING KEYCAP}\s*+(\S(?:.*\S)?)", re.MULTILINE
)
# Markdown's `[words](<address> "title")`; both parts may contain pairs of brackets.
MARKDOWN_LINK = re.compile(
    r"\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]"
    r"\(\s*<?https?://(?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\)"
)


class Trouble(Struct, frozen=True):
    """A problem of the whole Account: it must pause, or has only relax hours left."""

    state: AccountState
    reason: str


class Rejected(Struct, frozen=True):
    """Midjourney refuses the job. `retry` is true when it certainly was not accepted and may be sent again later."""

    event: Failed
    trouble: Trouble | None = None
    retry: bool = False


class Finished(Struct, frozen=True):
    """The job's last message: a picture with buttons, or a panel (describe, shorten)."""

    event: Succeeded
    verb: Verb


Meaning = Accepted | Progressed | Noticed | Finished | Rejected | None


def meaning(message: Message) -> Meaning:
    """Return what a message of the bot means for the job it belongs to; None when it means nothing."""
    content = parse_content(message.content)
    result = _panel(message) or _question(message) or (_picture(message, content) if content else _film(message))
    if result:
        return result
    refused = _refusal(message, content)
    if _is_about_account(message):
        return refused if isinstance(refused, Rejected) and refused.trouble else None
    if refused:
        return refused
    return _sign(message, content) if content else unknown_words(message) or _answer(message)


def unknown_words(message: Message) -> Noticed | None:
    """Return the words of a message as an unknown remark: of its embeds, or of a text that answers something."""
    said = _said(message.written_embeds)
    is_answer = message.nonce or message.interaction_id or message.reference_id or message.interacted_message_id
    if not said and is_answer and parse_content(message.content) is None and not INTERLUDE.match(message.content):
        said = message.content
    return Noticed(said[:MAX_FAILURE_CHARACTERS], Remark.UNKNOWN) if said else None


def is_human_check(event: IframeOpened) -> bool:
    """Tell whether an iframe asks for a person (captcha), and not for a region."""
    return headings.is_human_check_title(event.title) or event.iframe_path.startswith(HUMAN_CHECK_PATH)


def remix_from_panel(message: Message) -> bool | None:
    """Return whether Remix is on in a settings panel; None when the message is not one."""
    switch = next((button for button in message.buttons if _switches_remix(button)), None)
    return switch.style == SWITCHED_ON if switch else None


def prompts_from_panel(text: str) -> tuple[str, ...]:
    """Return the numbered prompts of a describe or shorten panel, in order; links are reduced to their words."""
    heading = SHORTEN_HEADING.search(text)
    lines = KEYCAP_LINE.findall(text[heading.end() :] if heading else text)
    in_order = sorted(lines, key=lambda found: int(found[0]))
    return tuple(MARKDOWN_LINK.sub(r"\1", line) for _, line in in_order)


def _switches_remix(button: Button) -> bool:
    return button.label.startswith(REMIX_LABEL) or button.custom_id.startswith(REMIX_BUTTON)


def _panel(message: Message) -> Finished | None:
    """Read a describe or shorten panel."""
    embed = panel_embed(message)
    if embed is None:
        return None
    shown = Image(embed.image_url) if embed.image_url else None
    result = Result(
        message_id=message.id,
        message_flags=message.flags,
        image=message.attachments[0] if message.attachments else shown,
        buttons=message.buttons,
        result_prompts=prompts_from_panel(embed.description),
        result_text=embed.description,
    )
    return Finished(Succeeded(result), Verb.PANEL)


def _question(message: Message) -> Rejected | None:
    """Read a yes-or-no question, which is asked before several jobs are started. Midway does not answer it."""
    if not {button.label.casefold() for button in message.buttons} >= ASKED:
        return None
    embeds = message.written_embeds
    words = _said(embeds) or message.content
    said = f"Midjourney asks before it draws, and Midway never says yes; nothing was started: {words}"
    title = embeds[0].title if embeds else ""
    return Rejected(Failed(Failure(Reason.INVALID_PROMPT, said[:MAX_FAILURE_CHARACTERS], title)))


def _picture(message: Message, content: Content) -> Finished | None:
    """Read a job's finished picture; a preview has a percentage, a flag or a file name that shows it."""
    image = message.attachments[0] if message.attachments else None
    if image is None or content.percent is not None or _tokens(content) & {STOPPED, *NOT_YET} or _is_preview(image):
        return None
    runs = [button.custom_id.startswith(CANCEL_BUTTON) for button in message.buttons]
    is_final = not all(runs) or (content.verb is Verb.PICK and not runs)
    return Finished(Succeeded(_result(message, content)), content.verb) if is_final else None


def _film(message: Message) -> Finished | None:
    """Read a film in a message without text. Source: a public client's tests, 2026."""
    has_film = not message.content and any(each.content_type.startswith("video/") for each in message.attachments[:1])
    return Finished(Succeeded(_result(message, None)), Verb.OTHER) if has_film else None


def _result(message: Message, content: Content | None) -> Result:
    return Result(
        message_id=message.id,
        message_flags=message.flags,
        job_id=job_id(message),
        image=message.attachments[0],
        buttons=message.buttons,
        final_prompt=content.prompt if content else "",
        speed=content.speed if content else None,
    )


def _refusal(message: Message, content: Content | None) -> Rejected | Noticed | None:
    """Find the embed, or else the text, that refuses the job or says that it waits behind others."""
    embeds = message.written_embeds
    known = [(heading, embed) for embed in embeds if (heading := _heading(embed, message))]
    if known:
        heading, embed = next(((row, each) for row, each in known if row.reason), known[0])
        return _verdict(heading, embed.title, _said(embeds, bracketed=True), _text(embed))
    if content is not None:
        return _stopped(embeds) if STOPPED in _tokens(content) else None
    plain = headings.heading_from_text(message.content)
    return _verdict(plain, "", message.content, message.content) if plain else None


def _heading(embed: Embed, message: Message) -> Heading | None:
    """Find what an embed means for its job. An embed that no row matches is an error only if it is red."""
    if embed.footer.startswith(headings.DECLINED) or _offers_appeal(message):
        return headings.REFUSED_PROMPT
    if any(button.custom_id.startswith(headings.CAPTCHA_BUTTON) for button in message.buttons):
        return headings.HUMAN_CHECK
    if headings.is_panel(embed.title) and embed.color not in REDS:
        return None
    row = headings.heading_from_embed(embed.title, _body(embed))
    return row or (headings.UNKNOWN_ERROR if embed.color in REDS else None)


def _verdict(heading: Heading, title: str, said: str, why: str) -> Rejected | Noticed:
    if heading.reason is None:
        return Noticed(why[:MAX_FAILURE_CHARACTERS], Remark.QUEUED_UPSTREAM)
    trouble = Trouble(heading.account, why[:MAX_FAILURE_CHARACTERS]) if heading.account else None
    # A text's first line becomes its title: without one, clients of the old API would not see an Account's problem.
    title = title or said.strip().partition("\n")[0][:MAX_TITLE_CHARACTERS]
    failure = Failure(heading.reason, said[:MAX_FAILURE_CHARACTERS], title)
    return Rejected(Failed(failure), trouble, heading.retry)


def _stopped(embeds: Iterable[Embed]) -> Rejected:
    """Read `(Stopped)`: a person pressed Cancel, or Midjourney gave up; the picture so far is not a result."""
    said = _said(embeds, bracketed=True) or "the job was stopped in Discord before it was done"
    return Rejected(Failed(Failure(Reason.UPSTREAM_REJECTED, said[:MAX_FAILURE_CHARACTERS], "Stopped")))


def _is_about_account(message: Message) -> bool:
    """Tell whether a message answers a command that makes no job: it shows settings, hours or the subscription."""
    embeds = message.written_embeds
    own_words = message.content.partition("**")[0]  # the part in bold is a prompt
    titles = [embed.title for embed in embeds if embed.color not in REDS] if embeds else [own_words]
    return (
        message.interaction_name not in {"", *COMMANDS_OF_JOBS}  # "": the press of a button
        or any(button.custom_id.startswith(SETTINGS_BUTTON) for button in message.buttons)
        or any(map(headings.is_panel, titles))
    )


def _sign(message: Message, content: Content) -> Accepted | Progressed:
    """Read a job's acceptance or progress."""
    if content.percent is None:
        return Accepted(content.prompt)
    image = message.attachments[0] if message.attachments else None
    return Progressed(content.percent, image, content.prompt, job_id(message), content.speed)


def _answer(message: Message) -> Accepted | None:
    """Read an empty (deferred) message or an interim text: the job was accepted."""
    return Accepted() if not message.content or INTERLUDE.match(message.content) else None


def _offers_appeal(message: Message) -> bool:
    return any(
        button.custom_id.startswith(APPEAL_BUTTON) or button.label.casefold() == APPEAL_LABEL
        for button in message.buttons
    )


def _tokens(content: Content) -> frozenset[str]:
    return frozenset(flag.casefold() for flag in content.flags)


def _is_preview(image: Image) -> bool:
    return HALF_DRAWN.search(image.filename or image.unsigned_url.rpartition("/")[2]) is not None


def _said(embeds: Iterable[Embed], *, bracketed: bool = False) -> str:
    """Return all the words of these embeds, unchanged."""
    return "\n".join(filter(None, (_bracketed(embed) if bracketed else _text(embed) for embed in embeds)))


def _text(embed: Embed) -> str:
    return ": ".join(filter(None, (embed.title, _body(embed)))) or embed.footer


def _bracketed(embed: Embed) -> str:
    title = f"[{embed.title}]" if embed.title else ""
    return " ".join(filter(None, (title, _body(embed)))) or embed.footer


def _body(embed: Embed) -> str:
    """Return an embed's words below the title. Of the footer only a refusal's code: others repeat the command."""
    code = embed.footer if embed.footer.startswith(headings.DECLINED) else ""
    return "\n".join(filter(None, (embed.description, *(f"{name}: {text}" for name, text in embed.fields), code)))
