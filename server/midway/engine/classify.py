"""What does a message mean? Every text and colour of Midjourney's that we act on stands here and nowhere else.

`meaning(message)` is pure: it knows no Task. Source of every row: discord-wire 2.3, 2.4 and 4.1.
"""

import re

from msgspec import Struct

from midway.discord.event import Embed, IframeOpened, Message
from midway.discord.message import Content, job_id, parse_content
from midway.domain.account import AccountState
from midway.domain.action import Verb
from midway.domain.errors import Reason
from midway.domain.image import Image
from midway.domain.lifecycle import Accepted, Failed, Noticed, Progressed, Result, Succeeded
from midway.domain.task import Failure, Remark

RED = 0xFF0000
EPHEMERAL = 64  # message flag: only the Account itself sees it


class Trouble(Struct, frozen=True):
    """Something about the whole Account: it must pause, or has only relax hours left."""

    state: AccountState
    reason: str


class Rejected(Struct, frozen=True):
    """Midjourney refuses the job. `retry` is true when it certainly was not taken and may be sent again later."""

    event: Failed
    trouble: Trouble | None = None
    retry: bool = False


class Finished(Struct, frozen=True):
    """The job's last message: a picture with buttons, or a panel (describe, shorten)."""

    event: Succeeded
    verb: Verb


Meaning = Accepted | Progressed | Noticed | Finished | Rejected | None


class Heading(Struct, frozen=True):
    """One row: an embed whose title contains `title` (case aside) means this."""

    title: str
    reason: Reason | None  # None: the job goes on, when those before it are done
    account: AccountState | None = None
    retry: bool = False


HEADINGS: tuple[Heading, ...] = (
    Heading("job queued", None),
    Heading("queue full", Reason.UPSTREAM_QUEUE_FULL, retry=True),
    Heading("invalid link", Reason.INVALID_LINK),
    Heading("banned prompt", Reason.MODERATED),
    Heading("output filters", Reason.MODERATED),
    Heading("image denied", Reason.MODERATED),
    Heading("denied", Reason.MODERATED),
    Heading("invalid", Reason.INVALID_PROMPT),
    Heading("duplicate images", Reason.DUPLICATE_IMAGES),
    Heading("tos not accepted", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("action needed to continue", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    Heading("action required to continue", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    Heading("pending mod message", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("blocked", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("subscription required", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("subscription paused", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("plan cancelled", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("credits exhausted", Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    Heading("error", Reason.UPSTREAM_REJECTED),
)

HUMAN_CHECK_TITLE = "action required to continue"
HUMAN_CHECK_PATH = "/captcha/"
HUMAN_CHECK_TEXT = "verify you're human"
FAILED_PREFIX = "Failed"
# Contents that are answers, but no job's: they wait for what follows.
INTERLUDES = ("Displaying...", "Animating...")
PANEL_BUTTONS = ("MJ::Job::PicReader", "MJ::Picread", "MJ::Job::PromptAnalyzer")
REMIX_SWITCH = "Remix mode"  # label of the settings panel's button
SWITCHED_ON = 3  # Discord's green button style
ASKED = frozenset({"yes", "no"})  # labels of a question's buttons; --repeat and {a, b} lead to one
SHORTEN_HEADING = re.compile(r"shortened prompts?:?", re.IGNORECASE)
KEYCAP_LINE = re.compile(
    r"^\s*([1-9])\N{VARIATION SELECTOR-16}?\N{COMBINING ENCLOSING KEYCAP}\s*(.+?)\s*$", re.MULTILINE
)
MAX_FAILURE_CHARACTERS = 6000  # Discord's limit on all of a message's embeds: texts are kept as they were said


def meaning(message: Message) -> Meaning:
    """Tell what a message of the bot means for the job it belongs to; None when it means nothing."""
    if message.content.startswith(FAILED_PREFIX):
        return Rejected(_failed(Reason.UPSTREAM_REJECTED, "", message.content))
    panel = _panel(message) or _question(message)
    if panel:
        return panel
    for embed in message.embeds:
        verdict = _verdict(embed)
        if verdict:
            return verdict
    content = parse_content(message.content)
    return _job_meaning(message, content) if content else _other_meaning(message)


def is_human_check(event: IframeOpened) -> bool:
    """Tell an iframe that wants a person from one that wants a region."""
    return event.title.casefold().strip() == HUMAN_CHECK_TITLE or event.iframe_path.startswith(HUMAN_CHECK_PATH)


def remix_from_panel(message: Message) -> bool | None:
    """Read the Remix switch of a settings panel; None when the message is no such panel."""
    switch = next((button for button in message.buttons if button.label.startswith(REMIX_SWITCH)), None)
    return switch.style == SWITCHED_ON if switch else None


def prompts_from_panel(text: str) -> tuple[str, ...]:
    """Read the numbered proposals out of a describe or shorten panel, in order."""
    heading = SHORTEN_HEADING.search(text)
    lines = KEYCAP_LINE.findall(text[heading.end() :] if heading else text)
    return tuple(line for _, line in sorted(lines, key=lambda found: int(found[0])))


def _job_meaning(message: Message, content: Content) -> Meaning:
    """Read a message in the grammar of jobs."""
    image = message.attachments[0] if message.attachments else None
    if content.percent is not None:
        return Progressed(content.percent, image, content.prompt, job_id(message), content.speed)
    if image and (message.buttons or content.verb is Verb.PICK):
        return Finished(Succeeded(_result(message, content)), content.verb)
    return Accepted(content.prompt)


def _result(message: Message, content: Content) -> Result:
    return Result(
        message_id=message.id,
        message_flags=message.flags,
        job_id=job_id(message),
        image=message.attachments[0],
        buttons=message.buttons,
        final_prompt=content.prompt,
        speed=content.speed,
    )


def _panel(message: Message) -> Finished | None:
    """Read a describe or shorten panel: an embed with text, and buttons of its own kind."""
    embed = next((e for e in message.embeds if e.description), None)
    if embed is None or not any(b.custom_id.startswith(PANEL_BUTTONS) for b in message.buttons):
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
    """Read a question of yes and no, asked before several jobs are started: nobody answers it, so nothing follows."""
    if not {button.label.casefold() for button in message.buttons} >= ASKED:
        return None
    embed = message.embeds[0] if message.embeds else None
    words = _text(embed) if embed and _text(embed) else message.content
    title = embed.title if embed else ""
    said = f"Midjourney asks before it draws, and Midway never says yes; nothing was started: {words}"
    return Rejected(Failed(Failure(Reason.INVALID_PROMPT, said[:MAX_FAILURE_CHARACTERS], title)))


def _verdict(embed: Embed) -> Rejected | Noticed | None:
    """Look an embed's title up in the table; an unknown title counts as an error only when it is red."""
    title = embed.title.casefold()
    if HUMAN_CHECK_TEXT in embed.description.casefold():
        return _rejection(Heading(title, Reason.VERIFICATION_REQUIRED, AccountState.PAUSED), embed)
    heading = next((row for row in HEADINGS if row.title in title), None) if title else None
    if heading:
        return _rejection(heading, embed) if heading.reason else Noticed(_text(embed), Remark.QUEUED_UPSTREAM)
    if embed.color == RED:
        return Rejected(_failed(Reason.UPSTREAM_REJECTED, embed.title, embed.description))
    return Noticed(_text(embed), Remark.UNKNOWN) if title else None


def _rejection(heading: Heading, embed: Embed) -> Rejected:
    reason = heading.reason or Reason.UPSTREAM_REJECTED
    trouble = Trouble(heading.account, _text(embed)) if heading.account else None
    return Rejected(_failed(reason, embed.title, embed.description), trouble, heading.retry)


def _failed(reason: Reason, title: str, text: str) -> Failed:
    message = f"[{title}] {text}".strip() if title else text
    return Failed(Failure(reason, message[:MAX_FAILURE_CHARACTERS], title))


def _text(embed: Embed) -> str:
    return f"{embed.title}: {embed.description}"[:MAX_FAILURE_CHARACTERS] if embed.description else embed.title


def _other_meaning(message: Message) -> Meaning:
    """Read a message outside the grammar: an empty (deferred) one or an interlude is a sign of life."""
    if not message.content or message.content.startswith(INTERLUDES):
        return Accepted()
    return None
