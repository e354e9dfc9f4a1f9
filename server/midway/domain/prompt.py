"""Prompts as text: cleaning, the jobs that a prompt makes, and the key by which two prompts count as the same."""

import re
import unicodedata
from enum import Enum, auto
from functools import lru_cache
from urllib.parse import quote

from midway.domain.action import Speed

_URL = re.compile(r"<?https?://[^\s>]+>?")
_LINK_OR_DASHES = re.compile(rf"({_URL.pattern})|-{{3,}}")
_LONE_DASHES = re.compile(r"(?<!\S)--(?!\S)")
_TYPESET_DASH = re.compile(r"(?<!\S)[\u2013\u2014](?=[a-z])")  # phone keyboards turn "--ar" into it
_SPEED_FLAG = re.compile(r"(?<!\S)--(fast|relax|turbo)(?!\S)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<!\S)--[a-z]", re.IGNORECASE)
_FILM = re.compile(r"(?<!\S)--video(?!\S)", re.IGNORECASE)
_LEADING_LINK = re.compile(rf"\s*{_URL.pattern}")
_SPACE = re.compile(r"\s+")
_LONG_DASH = re.compile(r"[\u2014\u2015]")  # the bot shows "--" for it
# Also directly after a word, without a space; so only parameters that Midjourney is known to parse and rewrite.
_KNOWN_PARAMETER = re.compile(
    r"(?:--|(?<!\S)\u2013)(?:ar|aspect|bs|c|chaos|cref|cw|draft|end|exp|fast|hd|iw|loop|motion|niji|no|oref|ow|p"
    r"|personalize|profile|q|quality|r|raw|relax|repeat|s|sameseed|seed|sref|stealth|stop|style|stylize|sv|sw|test"
    r"|testp|tile|turbo|uplight|upbeta|v|version|video|w|weird)(?![^\W_])",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_REPEAT = re.compile(r"(?<!\S)--(?:repeat|r)(?:\s+(?!--)(\S+))?(?!\S)", re.IGNORECASE)
_MARK = re.compile(r"\\?[{},]")
_MAX_DIGITS = 9  # digits of a repeat count that are parsed
_SHOWN = 9  # characters of an invalid repeat count that are quoted
_LINK = "\ufdd0"  # placeholder for a link while a key is made; a Unicode noncharacter, so it is in no prompt


def clean(prompt: str) -> str:
    """Return the prompt as one line, without what breaks Discord's command: control characters, lone or long dashes.

    Braces in a link are percent-encoded: they are part of the link, not a choice between prompts.
    """
    line = _CONTROL.sub("", _SPACE.sub(" ", prompt))
    # Links are left alone: they may contain any number of dashes.
    line = _LINK_OR_DASHES.sub(lambda found: without_choices(found[1]) if found[1] else " ", line)
    line = _LONE_DASHES.sub("", _TYPESET_DASH.sub("--", line))
    return _SPACE.sub(" ", line).strip()


def without_choices(link: str) -> str:
    """Percent-encode a link's paired braces and their commas: the bot would take them for a permutation."""
    characters, opened = list(link), list[list[int]]()
    for position, character in enumerate(link):
        if character == "{":
            opened.append([position])
        elif character == "," and opened:
            opened[-1].append(position)
        elif character == "}" and opened:
            for mark in (*opened.pop(), position):
                characters[mark] = quote(link[mark])
    return "".join(characters)


def speed_from_prompt(prompt: str) -> Speed | None:
    """Return the last speed flag in a prompt; None if there is none."""
    flags = _SPEED_FLAG.findall(prompt)
    return Speed(flags[-1].lower()) if flags else None


def with_speed(prompt: str, speed: Speed | None) -> str:
    """Return the prompt with exactly this speed flag; unchanged if `speed` is None."""
    if speed is None:
        return prompt
    return f"{_SPACE.sub(' ', _SPEED_FLAG.sub('', prompt)).strip()} --{speed.value}".strip()


# What may follow a film's parameter; another word is one of the prompt.
_FILM_VALUES = {"video": r"\d+", "motion": r"(?:low|high)", "bs": r"\d+", "end": r"(?!--)\S+", "loop": r"(?!)"}


def has_parameter(prompt: str, name: str) -> bool:
    """Tell whether a film's parameter stands in the prompt."""
    return re.search(rf"(?<!\S)--{name}(?!\S)", prompt, re.IGNORECASE) is not None


def without_parameter(prompt: str, name: str) -> str:
    """Return the prompt without a film's parameter and its value."""
    rest = re.sub(rf"(?<!\S)--{name}(?:\s+{_FILM_VALUES[name]})?(?!\S)", "", prompt, flags=re.IGNORECASE)
    return _SPACE.sub(" ", rest).strip()


def with_parameter(prompt: str, name: str, value: str) -> str:
    """Return the prompt with exactly this value of a film's parameter, as its last one."""
    return f"{without_parameter(prompt, name)} --{name} {value}".strip()


def leading_links(prompt: str) -> int:
    """Count the pictures' links that stand before the words."""
    count, end = 0, 0
    while link := _LEADING_LINK.match(prompt, end):
        count, end = count + 1, link.end()
    return count


def split_parameters(prompt: str) -> tuple[str, str]:
    """Split into the words and the `--parameters` that follow them."""
    found = _PARAMETER.search(prompt)
    return (prompt[: found.start()].strip(), prompt[found.start() :].strip()) if found else (prompt.strip(), "")


class JobsRefused(ValueError):
    """The prompt makes too many jobs, or its `--repeat` is invalid; the text says which."""


def makes_many_jobs(prompt: str) -> bool:
    """Tell whether Midjourney would ask for confirmation of several jobs (`--repeat`, `{a, b}`)."""
    return bool(_REPEAT.search(prompt)) or _Brace.CHOICE in _braces(prompt).values()


def jobs_of(prompt: str, most: int) -> list[str]:
    """Return the prompt of each job that Midjourney would make, in its order: the permutations, then the repeats.

    A prompt for one job is returned unchanged. None of the returned prompts makes several jobs.
    Raises JobsRefused for more than `most` jobs, and for a `--repeat` without a valid number.
    Source: Midjourney's documentation of permutation prompts and of `--repeat`.
    """
    if not makes_many_jobs(prompt):
        return [prompt]
    jobs: list[str] = []
    for option in _permutations(prompt, most):
        repeats = _repeats(option)
        _check_count(len(jobs) + repeats, most)  # before they are created
        jobs += [clean(_REPEAT.sub(" ", option))] * repeats
    return jobs


def _repeats(prompt: str) -> int:
    values: list[str] = _REPEAT.findall(prompt)
    if not values:
        return 1
    value = values[-1]  # the last one counts, as with every parameter
    digits = value.lstrip("0")
    if not (value.isascii() and value.isdecimal() and digits):
        raise JobsRefused(f"holds --repeat {value[:_SHOWN]}".rstrip() + "; it takes a whole number from 1")
    return int(digits[:_MAX_DIGITS])  # a longer number is too many jobs in any case


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise JobsRefused(f"would make more than {most} jobs")


class _Brace(Enum):
    """The role of a brace, or of a comma between braces."""

    CHOICE = auto()  # a pair with a comma in it: a choice between options
    TEXT = auto()  # a pair without one: literal text


def _braces(prompt: str) -> dict[int, _Brace]:
    """Return the role of each paired brace and each comma of a choice, by position; all others are literal text."""
    found: dict[int, _Brace] = {}
    opened: list[tuple[int, list[int]]] = []  # a brace, and the commas that belong to it
    for mark in _MARK.finditer(prompt):
        if mark[0] == "{":
            opened.append((mark.start(), []))
        elif mark[0] == "," and opened:
            opened[-1][1].append(mark.start())
        elif mark[0] == "}" and opened:
            start, commas = opened.pop()
            kind = _Brace.CHOICE if commas else _Brace.TEXT
            found |= dict.fromkeys((start, *commas, mark.start()), kind)
    return found


class _Level:
    """One choice being parsed: the finished options, and the expansions so far of the current one."""

    def __init__(self) -> None:
        self._complete: list[str] = []
        self._present = [""]
        self._text: list[str] = []  # what follows all of `_present`

    def write(self, text: str) -> None:
        """Append literal text."""
        self._text.append(text)

    def choose(self, texts: list[str], most: int) -> None:
        """Append a nested choice: expand to each of these texts."""
        present = self._written()
        _check_count(len(present) * len(texts), most)  # before they are created
        self._present, self._text = [before + text for before in present for text in texts], []

    def end_option(self, most: int) -> None:
        """Finish the current option and begin the next."""
        self._complete = self.options()
        self._present, self._text = [""], []
        _check_count(len(self._complete), most)

    def options(self) -> list[str]:
        """Return every expansion of the choice, each stripped."""
        return self._complete + [text.strip() for text in self._written()]

    def _written(self) -> list[str]:
        text = "".join(self._text)
        return [before + text for before in self._present]


def _permutations(prompt: str, most: int) -> list[str]:
    """Expand the prompt to each combination of its options; the first choice varies slowest."""
    levels, depth_of_text, start = [_Level()], 0, 0
    braces = _braces(prompt)
    for mark in _MARK.finditer(prompt):
        kind = braces.get(mark.start())
        if kind is _Brace.TEXT:
            depth_of_text += 1 if mark[0] == "{" else -1
        # An escaped comma is literal and loses its backslash, except between literal braces, where it must keep it.
        elif mark[0] == "\\," and len(levels) > 1 and not depth_of_text:
            levels[-1].write(prompt[start : mark.start()].rstrip() + ",")
            start = mark.end()
        elif kind is _Brace.CHOICE:
            levels[-1].write(prompt[start : mark.start()])
            start = mark.end()
            _handle_mark(levels, mark[0], most)
    levels[-1].write(prompt[start:])
    return levels[-1].options()


def _handle_mark(levels: list[_Level], mark: str, most: int) -> None:
    """Handle a brace or comma of a choice: begin the choice, begin its next option, or end it."""
    if mark == "{":
        levels.append(_Level())
    elif mark == ",":
        levels[-1].end_option(most)
    else:
        choice = levels.pop()
        levels[-1].choose(choice.options(), most)


def is_of_film(prompt: str) -> bool:
    """Tell whether a prompt, as rewritten by the bot, is a film's."""
    return bool(_FILM.search(prompt))


@lru_cache(maxsize=1024)  # called repeatedly for each queued Task, and may take 20 ms
def prompt_key(prompt: str) -> str:
    """Reduce a prompt to what survives the bot's rewriting: letters and digits in lower case, "link" for a link.

    The bot may return other quotes, spaces and dashes, and "--" for a long dash. Combining marks are left out, since
    the same word may be written with or without. Parameters are dropped: the bot adds and reorders them.
    Source: discord-wire 3.4. Returns "" if nothing or only links are left: such a key could not identify a prompt.
    """
    linked = _LONG_DASH.sub("--", _URL.sub(f" {_LINK} ", prompt))
    words = _without_parameters(linked)
    return _letters(words.replace(_LINK, "link")) if _letters(words.replace(_LINK, "")) else ""


def _without_parameters(prompt: str) -> str:
    """Cut a prompt before its first parameter. If nothing is left, cut only before known ones: it may be dialogue."""
    known = _KNOWN_PARAMETER.split(prompt, maxsplit=1)[0]
    words, _ = split_parameters(known)
    return words or known


def _letters(text: str) -> str:
    """Return the letters and digits of every script, Unicode-normalised and in lower case."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(filter(str.isalnum, folded))
