"""The grammar of Midjourney's message texts: `{beginning}**{prompt}** - {verb}<@{user}> {tokens}`.

Pure functions from text to values. Source: discord-wire, "Content grammar".
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from midway.discord.attachment import job_id_from_text, job_id_from_url
from midway.discord.event import Embed, Message
from midway.domain.action import COMMANDS_OF_PANELS, Speed, Verb
from midway.domain.ids import JobId, UserId

_SEPARATOR = re.compile(r"\*\*\s+-\s")
# The longest known verb has 23 characters. The bound and the possessive quantifiers avoid quadratic time for a prompt
# of many spaces; in the patterns below, excluding brackets within brackets does the same.
_TAIL = re.compile(r"\s*+(?P<verb>[^<]{0,60}?)\s*+<@!?(?P<user>\d+)>(?P<rest>.*)", re.DOTALL)
_LINK = re.compile(r"\[\(?[^\[\]]*?\)?\]\(<?(?P<url>https?://[^)>\s]+)>?\)")
_TOKEN = re.compile(r"\(([^()]*)\)")
_PERCENT = re.compile(r"(?:[a-z]+ )?(\d{1,3})%")
_MODE = re.compile(r"(fast|relax(?:ed)?|turbo)(,\s*stealth)?")
_JOB_LINK = re.compile(r"midjourney\.com/jobs/", re.IGNORECASE)
_SPEEDS = {"fast": Speed.FAST, "relax": Speed.RELAX, "relaxed": Speed.RELAX, "turbo": Speed.TURBO}
_KEYCAP = "\N{COMBINING ENCLOSING KEYCAP}"  # the lines of a panel begin with keycap digits
_PANEL_BUTTONS = ("MJ::Job::PicReader", "MJ::Picread", "MJ::Job::PromptAnalyzer")

_VERBS: tuple[tuple[re.Pattern[str], Verb], ...] = (
    (re.compile(r"()"), Verb.GRID),
    (re.compile(r"Image #(\d+)"), Verb.PICK),
    (re.compile(r"Upscal(?:ed|ing)(?: \(([^)]*)\))? by"), Verb.HD),
    (re.compile(r"(?:Variations|Remix)(?: \(([^)]*)\))? by"), Verb.VARY),
    (re.compile(r"Zoom Out(?: \(([^)]*)\))? by"), Verb.ZOOM),
    (re.compile(r"Pan (Left|Right|Up|Down) by"), Verb.PAN),
)


# What preceded the prompt of a job started by a button, until the job began. Source: public clients of 2023.
_BEGINNINGS: tuple[tuple[re.Pattern[str], Verb], ...] = (
    (re.compile(r"Making variations for image #(\d) with (?:prompt )?(?=\*\*)"), Verb.VARY),
    (re.compile(r"Upscaling image #(\d) with (?:prompt )?(?=\*\*)"), Verb.PICK),
    (re.compile(r"Rerolling [^*\n]{0,60}(?=\*\*)"), Verb.GRID),
    (re.compile(r"[A-Z][a-z]+ing [^*\n]{0,60}(?=\*\*)"), Verb.OTHER),
)


class Content(Struct, frozen=True, kw_only=True):
    """The parsed text of a job's message.

    `flags` are tokens that are neither progress nor speed, e.g. "Waiting to start", "Stopped".
    `job_id` is set only when the text links to the job.
    """

    prompt: str
    verb: Verb
    user_id: UserId
    percent: int | None = None
    speed: Speed | None = None
    stealth: bool = False
    pick_index: int | None = None
    flags: tuple[str, ...] = ()
    job_id: JobId | None = None


@lru_cache(maxsize=256)  # several callers parse the same message
def parse_content(content: str) -> Content | None:
    """Parse the text of a job's message; None for any other text.

    A prompt may contain anything, even text of this form: the last separator that fits ends the prompt.
    """
    if not content.startswith("**"):
        return _begun(content)
    for separator in reversed(list(_SEPARATOR.finditer(content, 2))):
        tail = _TAIL.match(content, separator.end())
        if tail:
            return _content(content[2 : separator.start()], tail["verb"], UserId(tail["user"]), tail["rest"])
    return None


def panel_embed(message: Message) -> Embed | None:
    """Return the embed of a describe or shorten panel, recognised by its buttons, or by command and numbered lines."""
    embed = next((embed for embed in message.written_embeds if embed.description), None)
    is_numbered = embed is not None and _KEYCAP in embed.description and message.interaction_name in COMMANDS_OF_PANELS
    has_buttons = any(button.custom_id.startswith(_PANEL_BUTTONS) for button in message.buttons)
    return embed if is_numbered or has_buttons else None


def job_id(message: Message) -> JobId | None:
    """Return the id of the Midjourney job that a message shows.

    It is looked for in this order: link button, link in the text, path of the attachment, custom id of a button.
    """
    return next(filter(None, _named_jobs(message)), None)


def _named_jobs(message: Message) -> Iterator[JobId | None]:
    yield from (job_id_from_url(url) for url in message.links if _JOB_LINK.search(url))
    if content := parse_content(message.content):
        yield content.job_id
    yield from (job_id_from_url(image.url) for image in message.attachments)
    yield from (job_id_from_text(button.custom_id) for button in message.buttons if button.custom_id.startswith("MJ::"))


def _begun(text: str) -> Content | None:
    """Parse the text of a job that a button started and that has not begun: there the verb comes first."""
    for beginning, verb in _BEGINNINGS:
        found = beginning.match(text)
        content = parse_content(text[found.end() :]) if found else None
        if found and content:
            return replace(content, verb=verb, pick_index=int(found[1]) if verb is Verb.PICK else None)
    return None


def _content(prompt: str, verb_text: str, user_id: UserId, rest: str) -> Content:
    verb, detail = _verb(verb_text)
    content = Content(
        prompt=prompt,
        verb=verb,
        user_id=user_id,
        pick_index=int(detail) if verb is Verb.PICK else None,
        job_id=_linked_job(rest),
    )
    # Further lines are notes, e.g. an advertisement.
    for token in _TOKEN.findall(_LINK.sub("", rest.partition("\n")[0])):
        content = _with_token(content, token.strip())
    return content


def _verb(verb_text: str) -> tuple[Verb, str]:
    for pattern, verb in _VERBS:
        found = pattern.fullmatch(verb_text)
        if found:
            return verb, found[1] or ""
    return Verb.OTHER, verb_text


def _linked_job(rest: str) -> JobId | None:
    urls = (link["url"] for link in _LINK.finditer(rest))
    return next((job_id_from_url(url) for url in urls if _JOB_LINK.search(url)), None)


def _with_token(content: Content, token: str) -> Content:
    if percent := _PERCENT.fullmatch(token):
        return replace(content, percent=int(percent[1]))
    if mode := _MODE.fullmatch(token):
        return replace(content, speed=_SPEEDS[mode[1]], stealth=mode[2] is not None)
    return replace(content, flags=(*content.flags, token))
