"""What Midjourney's own words mean: every heading and text of its refusals that we act on stands here.

A heading counts as words, not as a part of any text: a user's name or a prompt may hold the same letters.
Source of every row: discord-wire 4.1 and 10.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from midway.domain.account import AccountState
from midway.domain.errors import Reason

WORDS = re.compile(r"\w+")
SPELLINGS = {"canceled": "cancelled"}
TITLE_WORDS = 10  # a plain text has no title; so many words of its first line are read as one


class Heading(Struct, frozen=True):
    """One row: a title that holds these words means this. Of trouble with the account they must be the whole title.

    `only_with` is what the text below must hold, too.
    """

    title: str
    reason: Reason | None  # None: the job goes on, when those before it are done
    account: AccountState | None = None
    retry: bool = False
    only_with: str = ""


HEADINGS: tuple[Heading, ...] = (
    Heading("job queued", None),
    Heading("queue full", Reason.UPSTREAM_QUEUE_FULL, retry=True),
    Heading("slow down", Reason.UPSTREAM_REJECTED, only_with="<t:"),  # a time: not before then
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
    Heading("subscription required", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("subscription paused", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("plan cancelled", Reason.ACCOUNT_PAUSED, AccountState.PAUSED),
    Heading("credits exhausted", Reason.CREDITS_EXHAUSTED, AccountState.LIMITED),
    Heading("job action restricted", Reason.UPSTREAM_REJECTED),
    Heading("could not complete the job", Reason.UPSTREAM_REJECTED),
    Heading("bad response", Reason.UPSTREAM_REJECTED),
    Heading("something went wrong", Reason.UPSTREAM_REJECTED),
    Heading("error", Reason.UPSTREAM_REJECTED),
)
# Headings that only a plain text begins with.
TEXT_HEADINGS = (
    Heading("failed", Reason.UPSTREAM_REJECTED),
    Heading("unrecognized parameter", Reason.INVALID_PROMPT),
)

UNKNOWN_ERROR = Heading("", Reason.UPSTREAM_REJECTED)
REFUSED_PROMPT = Heading("", Reason.MODERATED)
HUMAN_CHECK = Heading("", Reason.VERIFICATION_REQUIRED, AccountState.PAUSED)
HUMAN_CHECK_TITLES = frozenset({("action", word, "to", "continue") for word in ("needed", "required")})
HUMAN_CHECK_WORDS = "verify you re human"
PROMPT_WORDS = frozenset({"prompt", "prompts"})
DECLINED = "decline-"  # how the footer of a refusal begins; the rest is a code
# What a refusal quotes of the request: its words are the client's.
QUOTED = re.compile(r"`[^`]*`|^\s*/[a-z]+ .*", re.MULTILINE | re.DOTALL)

# Answers about the account itself (/info, /settings, /prefer, /fast …) begin with these words.
PANELS = ("your info", "adjust your settings", "settings", "remix mode turned", "done", "manage your subscription")
JOB_COMMANDS = frozenset({"", "imagine", "blend", "describe", "shorten", "show"})  # "": the press of a button


def heading_from_title(title: str, text: str) -> Heading | None:
    """Find what the title of an embed means; `text` is what stands below it."""
    words = words_of(title)
    return next((row for row in HEADINGS if _fits(row, words, text)), None) if words else None


def heading_from_text(text: str) -> Heading | None:
    """Find what a text without a title means: its first line is its title, as far as no prompt follows in bold."""
    words = words_of(text.strip().partition("\n")[0].partition("**")[0])[:TITLE_WORDS]
    begun = (row for row in TEXT_HEADINGS if _begins(words, row.title))
    found = next(begun, None) or next((row for row in HEADINGS if _fits(row, words, text)), None)
    return found or (HUMAN_CHECK if words and asks_for_human(text) else None)


def is_human_check_title(title: str) -> bool:
    """Tell whether a title asks for a person."""
    return tuple(words_of(title)) in HUMAN_CHECK_TITLES


def asks_for_human(text: str) -> bool:
    """Tell whether a text asks for a person, other than by quoting the request."""
    return _holds(words_of(QUOTED.sub(" ", text)), HUMAN_CHECK_WORDS)


def is_about_prompt(text: str) -> bool:
    """Tell whether a text speaks of one prompt."""
    return not PROMPT_WORDS.isdisjoint(words_of(QUOTED.sub(" ", text)))


def is_panel(title: str) -> bool:
    """Tell whether a title, or a plain text, shows or confirms something about the account itself."""
    words = words_of(title)
    return any(_begins(words, panel) for panel in PANELS)


def words_of(text: str) -> list[str]:
    """Split into words, lower case; an apostrophe parts them, too."""
    return [SPELLINGS.get(word, word) for word in WORDS.findall(text.casefold())]


def _fits(row: Heading, words: Sequence[str], text: str) -> bool:
    is_named = list(words) == row.title.split() if row.account else _holds(words, row.title)
    return is_named and row.only_with in text


def _holds(words: Sequence[str], phrase: str) -> bool:
    wanted = phrase.split()
    return any(list(words[at : at + len(wanted)]) == wanted for at in range(len(words) - len(wanted) + 1))


def _begins(words: Sequence[str], phrase: str) -> bool:
    wanted = phrase.split()
    return list(words[: len(wanted)]) == wanted
