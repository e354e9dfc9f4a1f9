"""What Midjourney's words mean: all headings and texts of refusals that are recognised.

Headings are matched as whole words, because a user's name or a prompt may contain the same letters.
Source of every row: discord-wire 4.1 and 10.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from midway.domain.account import AccountState
from midway.domain.errors import Reason

WORDS = re.compile(r"\w+")
SPELLINGS = {"canceled": "cancelled", "ve": "have", "re": "are"}  # "you've" is two words: you, ve
TITLE_WORDS = 10  # of a plain text's first line, which are read as its title


class Heading(Struct, frozen=True):
    """One row: what a title with these words means. With `account`, the words must be the whole title.

    `only_with` is a text that the words below the title must contain, too.
    """

    title: str
    reason: Reason | None  # None: no refusal; the job waits for those before it
    account: AccountState | None = None
    retry: bool = False
    only_with: str = ""


ENDED = ("expired", "been paused", "been cancelled")
HEADINGS: tuple[Heading, ...] = (
    Heading("job queued", None),
    Heading("queue full", Reason.UPSTREAM_QUEUE_FULL, retry=True),
    Heading("slow down", Reason.UPSTREAM_REJECTED, only_with="<t:"),  # Discord's markup of the time to wait for
    Heading("invalid link", Reason.INVALID_LINK),
    Heading("banned prompt", Reason.MODERATED),
    Heading("banned image prompt", Reason.MODERATED),
    Heading("output filters", Reason.MODERATED),
    Heading("image filters", Reason.MODERATED),
    Heading("image denied", Reason.MODERATED),
    Heading("denied", Reason.MODERATED),
    Heading("empty prompt", Reason.INVALID_PROMPT),
    Heading("invalid", Reason.INVALID_PROMPT),
    Heading("duplicate images", Reason.DUPLICATE_IMAGES),
    Heading("tos not accepted", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("action needed to continue", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    Heading("action required to continue", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    Heading("please complete the task", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED),
    Heading("pending mod message", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("blocked", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("abuse alert", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    *(
        Heading(f"{what} {state}", Reason.ACCOUNT_PAUSED, AccountState.PAUSED)
        for what in ("subscription", "plan")
        for state in ("required", "paused", "cancelled", "expired")
    ),
    Heading("credits exhausted", Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    Heading("fast hours exhausted", Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    Heading("appeal rejected", Reason.MODERATED),
    Heading("job cancelled", Reason.UPSTREAM_REJECTED),
    Heading("job action restricted", Reason.UPSTREAM_REJECTED),
    Heading("could not complete the job", Reason.UPSTREAM_REJECTED),
    Heading("bad response", Reason.UPSTREAM_REJECTED),
    Heading("something went wrong", Reason.UPSTREAM_REJECTED),
    Heading("error", Reason.UPSTREAM_REJECTED),
)
# How Midjourney's sentences begin: in a plain text, a title, or the text below a title that is less specific.
SENTENCES: tuple[Heading, ...] = (
    Heading("your job will start shortly", None),
    Heading("you have reached the maximum allowed number of concurrent jobs", None),
    Heading("progress images have been disabled", None),  # no message until the final picture
    Heading("your job queue is full", Reason.UPSTREAM_QUEUE_FULL, retry=True),
    Heading("unrecognized parameter", Reason.INVALID_PROMPT),
    *(
        Heading(f"our ai {who}", Reason.MODERATED, only_with="community standards")
        for who in ("moderator", "moderators")
    ),
    Heading("your appeal has been rejected", Reason.MODERATED),
    Heading("this job was cancelled", Reason.UPSTREAM_REJECTED),
    Heading("your job was cancelled", Reason.UPSTREAM_REJECTED),
    Heading("midjourney bot took too long", Reason.UPSTREAM_REJECTED),
    Heading("you have already requested", Reason.UPSTREAM_REJECTED),
    Heading("could not", Reason.UPSTREAM_REJECTED),
    Heading("failed", Reason.UPSTREAM_REJECTED),
    *(
        Heading(sentence, Reason.ACCOUNT_PAUSED, AccountState.PAUSED)
        for sentence in (
            "you are blocked",
            "you have been blocked",
            "you have been temporarily blocked",
            "you have been banned",
            "you have triggered an abuse alert",
            "you have a pending moderation message",
            "your account has been blocked",
            "your account has been temporarily blocked",
            "due to extreme demand we can t provide",
            *(f"your {what} has {state}" for what in ("subscription", "plan") for state in ENDED),
        )
    ),
    *(
        Heading(f"you have run out of {hours}", Reason.CREDITS_EXHAUSTED, AccountState.LIMITED)
        for hours in ("hours", "fast hours")
    ),
)

UNKNOWN_ERROR = Heading("", Reason.UPSTREAM_REJECTED)
REFUSED_PROMPT = Heading("", Reason.MODERATED)
HUMAN_CHECK = Heading("", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED)
HUMAN_CHECK_TITLES = frozenset({("action", word, "to", "continue") for word in ("needed", "required")})
HUMAN_CHECK_WORDS = re.compile(r"\b(?:verify|confirm|prove|sure) (?:that )?you are (?:a )?human\b")
VERDICT_WORDS = "community standards"
PROMPT_PHRASES = ("prompt", "prompts", "your image", "your images", "ai moderator", "ai moderators")
CAPTCHA_BUTTON = "MJ::Captcha"  # buttons with words, one of which describes a picture. Source: bulkai
DECLINED = "decline-"  # how the footer of a refusal begins; the rest is a code
# What a refusal quotes of the request, whose words are the client's. A quotation ends at the last backtick of its line,
# since the quoted words may contain backticks.
QUOTED = re.compile(r"`[^\n]*`|`[^`]*`|^[ \t]*/[a-z]+ .*", re.MULTILINE | re.DOTALL)

# How answers about the account (/info, /settings, /prefer, /fast …) begin.
PANELS = (
    "your info",
    "adjust your settings",
    "settings",
    "remix mode turned",
    "done",
    "manage your subscription",
    "you have successfully rated",
)


def heading_from_embed(title: str, text: str) -> Heading | None:
    """Find what an embed means by its title and by the text below it."""
    row = _heading_from_title(title, text) if title else heading_from_text(text)
    if row is None or row.reason is Reason.UPSTREAM_REJECTED:
        row = _sentence(words_of(QUOTED.sub(" ", text)), text) or row
    if row is None or row.reason is Reason.VERIFICATION_REQUIRED:
        row = _check_or_verdict(row, text)
    return row


def heading_from_text(text: str) -> Heading | None:
    """Find what a plain text means. Its first line, up to a prompt in bold, is read as its title."""
    words = words_of(QUOTED.sub(" ", text).strip().partition("\n")[0].partition("**")[0])[:TITLE_WORDS]
    found = _sentence(words, text) or _row(words, text)
    return found or (HUMAN_CHECK if words and asks_for_human(text) else None)


def is_human_check_title(title: str) -> bool:
    """Tell whether a title asks for a person to act."""
    return tuple(words_of(title)) in HUMAN_CHECK_TITLES


def asks_for_human(text: str) -> bool:
    """Tell whether a text asks to prove that one is human, outside of what it quotes of the request."""
    return HUMAN_CHECK_WORDS.search(" ".join(words_of(QUOTED.sub(" ", text)))) is not None


def is_panel(title: str) -> bool:
    """Tell whether a title or plain text is an answer about the account, as in PANELS."""
    words = words_of(title)
    return any(_begins(words, panel) for panel in PANELS)


def words_of(text: str) -> list[str]:
    """Split a text into lower-case words; apostrophes separate words, too."""
    return [SPELLINGS.get(word, word) for word in WORDS.findall(text.casefold())]


def _heading_from_title(title: str, text: str) -> Heading | None:
    words = words_of(title)
    found = (_row(words, text) or _sentence(words, text)) if words else None
    return found or (HUMAN_CHECK if asks_for_human(title) else None)


def _check_or_verdict(row: Heading | None, text: str) -> Heading | None:
    """Distinguish a check for a person from a refusal of one prompt, as both may have the same title."""
    words = words_of(QUOTED.sub(" ", text))
    may_be_verdict = row is not None and tuple(row.title.split()) in HUMAN_CHECK_TITLES
    if may_be_verdict and _holds(words, VERDICT_WORDS):
        return REFUSED_PROMPT
    if asks_for_human(text):
        return HUMAN_CHECK
    is_about_prompt = any(_holds(words, phrase) for phrase in PROMPT_PHRASES)
    return REFUSED_PROMPT if may_be_verdict and is_about_prompt else row


def _row(words: Sequence[str], text: str) -> Heading | None:
    return next((row for row in HEADINGS if _fits(row, words, text)), None)


def _sentence(words: Sequence[str], text: str) -> Heading | None:
    words = words[1:] if words[:1] == ["sorry"] else words
    return next((row for row in SENTENCES if _begins(words, row.title) and row.only_with in text), None)


def _fits(row: Heading, words: Sequence[str], text: str) -> bool:
    is_named = list(words) == row.title.split() if row.account else _holds(words, row.title)
    return is_named and row.only_with in text


def _holds(words: Sequence[str], phrase: str) -> bool:
    wanted = phrase.split()
    return any(list(words[at : at + len(wanted)]) == wanted for at in range(len(words) - len(wanted) + 1))


def _begins(words: Sequence[str], phrase: str) -> bool:
    wanted = phrase.split()
    return list(words[: len(wanted)]) == wanted
