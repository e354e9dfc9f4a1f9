"""Prompts as text: what is sent to Midjourney, the jobs it makes, and what two prompts must share to be the same."""

import re
import unicodedata
from enum import Enum, auto
from functools import lru_cache
from urllib.parse import quote

from midway.domain.action import Speed

_URL = re.compile(r"<?https?://[^\s>]+>?")
_LINK_OR_DASHES = re.compile(rf"({_URL.pattern})|-{{3,}}")
_LONE_DASHES = re.compile(r"(?<!\S)--(?!\S)")
_TYPESET_DASH = re.compile(r"(?<!\S)[\u2013\u2014](?=[a-z])")  # what a phone's keyboard makes of "--ar"
_SPEED_FLAG = re.compile(r"(?<!\S)--(fast|relax|turbo)(?!\S)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<!\S)--[a-z]", re.IGNORECASE)
_FILM = re.compile(r"(?<!\S)--video(?!\S)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LONG_DASH = re.compile(r"[\u2014\u2015]")  # the bot shows "--" for it
# Glued to a word, too, but then only those that Midjourney is known to read out of a prompt and to write anew.
_KNOWN_PARAMETER = re.compile(
    r"(?:--|(?<!\S)\u2013)(?:ar|aspect|bs|c|chaos|cref|cw|draft|end|exp|fast|hd|iw|loop|motion|niji|no|oref|ow|p"
    r"|personalize|profile|q|quality|r|raw|relax|repeat|s|sameseed|seed|sref|stealth|stop|style|stylize|sv|sw|test"
    r"|testp|tile|turbo|uplight|upbeta|v|version|video|w|weird)(?![^\W_])",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_REPEAT = re.compile(r"(?<!\S)--(?:repeat|r)(?:\s+(?!--)(\S+))?(?!\S)", re.IGNORECASE)
_MARK = re.compile(r"\\?[{},]")
_MAX_DIGITS = 9  # of a number that is still worth reading
_SHOWN = 9  # characters of a value that is no number
_LINK = "\ufdd0"  # stands for a link while a key is made; no character, so no prompt holds it


def clean(prompt: str) -> str:
    """Make one line of it, without what Discord's command would choke on: control characters, lone or long dashes.

    Braces of a link are its own, and no choice between several prompts.
    """
    line = _CONTROL.sub("", _SPACE.sub(" ", prompt))
    # A picture's address may hold any number of dashes.
    line = _LINK_OR_DASHES.sub(lambda found: without_choices(found[1]) if found[1] else " ", line)
    line = _LONE_DASHES.sub("", _TYPESET_DASH.sub("--", line))
    return _SPACE.sub(" ", line).strip()


def without_choices(link: str) -> str:
    """Return the same link with its pairs of braces percent-encoded, and their commas: the bot would choose by them."""
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
    """Read the last speed flag in a prompt."""
    flags = _SPEED_FLAG.findall(prompt)
    return Speed(flags[-1].lower()) if flags else None


def with_speed(prompt: str, speed: Speed | None) -> str:
    """Return the prompt with exactly this speed flag; unchanged when no speed is wished."""
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
    words = prompt.split()
    return next((count for count, word in enumerate(words) if not _URL.match(word)), len(words))


def split_parameters(prompt: str) -> tuple[str, str]:
    """Split into the words and the `--parameters` that follow them."""
    found = _PARAMETER.search(prompt)
    return (prompt[: found.start()].strip(), prompt[found.start() :].strip()) if found else (prompt.strip(), "")


class JobsRefused(ValueError):
    """The prompt names no usable number of jobs; the text says why."""


def makes_many_jobs(prompt: str) -> bool:
    """Tell whether Midjourney would ask whether to make several jobs of it (`--repeat`, `{a, b}`)."""
    return bool(_REPEAT.search(prompt)) or _Brace.CHOICE in _braces(prompt).values()


def jobs_of(prompt: str, most: int) -> list[str]:
    """Return the prompt of each job that Midjourney would make of it, in its order: the options, then the repeats.

    A prompt of one job comes back as it is. None of those returned makes several jobs.
    Raises JobsRefused for more than `most`, and for a `--repeat` without a usable number.
    Source: Midjourney's documentation of permutation prompts and of `--repeat`.
    """
    if not makes_many_jobs(prompt):
        return [prompt]
    jobs: list[str] = []
    for option in _permutations(prompt, most):
        repeats = _repeats(option)
        _check_count(len(jobs) + repeats, most)  # before they take memory
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
    return int(digits[:_MAX_DIGITS])  # more of them are too many jobs in any case


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise JobsRefused(f"would make more than {most} jobs")


class _Brace(Enum):
    """What a brace is, or a comma between braces."""

    CHOICE = auto()  # of a pair with a comma in it: one of the options is taken
    TEXT = auto()  # of a pair without: it stays as it is


def _braces(prompt: str) -> dict[int, _Brace]:
    """Tell by its position what each paired brace and each comma of a choice is; all others are text."""
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
    """One choice while it is read: the options that are complete, and the ways to write the present one so far."""

    def __init__(self) -> None:
        self._complete: list[str] = []
        self._present = [""]
        self._text: list[str] = []  # what follows all of `_present`

    def write(self, text: str) -> None:
        """Go on with this text."""
        self._text.append(text)

    def choose(self, texts: list[str], most: int) -> None:
        """Go on with each of these texts."""
        present = self._written()
        _check_count(len(present) * len(texts), most)  # before they take memory
        self._present, self._text = [before + text for before in present for text in texts], []

    def end_option(self, most: int) -> None:
        """Begin the next option."""
        self._complete = self.options()
        self._present, self._text = [""], []
        _check_count(len(self._complete), most)

    def options(self) -> list[str]:
        """Return every way to write it, without the blanks around each option."""
        return self._complete + [text.strip() for text in self._written()]

    def _written(self) -> list[str]:
        text = "".join(self._text)
        return [before + text for before in self._present]


def _permutations(prompt: str, most: int) -> list[str]:
    """Write the prompt with each combination of its options; the first choice changes last."""
    levels, depth_of_text, start = [_Level()], 0, 0
    braces = _braces(prompt)
    for mark in _MARK.finditer(prompt):
        kind = braces.get(mark.start())
        if kind is _Brace.TEXT:
            depth_of_text += 1 if mark[0] == "{" else -1
        # An escaped comma is one of the text, and its backslash goes; between braces that stay, it must stay too.
        elif mark[0] == "\\," and len(levels) > 1 and not depth_of_text:
            levels[-1].write(prompt[start : mark.start()].rstrip() + ",")
            start = mark.end()
        elif kind is _Brace.CHOICE:
            levels[-1].write(prompt[start : mark.start()])
            start = mark.end()
            _turn(levels, mark[0], most)
    levels[-1].write(prompt[start:])
    return levels[-1].options()


def _turn(levels: list[_Level], mark: str, most: int) -> None:
    """Begin a choice, go to its next option, or end it."""
    if mark == "{":
        levels.append(_Level())
    elif mark == ",":
        levels[-1].end_option(most)
    else:
        choice = levels.pop()
        levels[-1].choose(choice.options(), most)


def is_of_film(prompt: str) -> bool:
    """Tell whether a prompt, as the bot writes it, is that of a film."""
    return bool(_FILM.search(prompt))


@lru_cache(maxsize=1024)  # the sender asks for each waiting Task's again and again, and it may take 20 ms
def prompt_key(prompt: str) -> str:
    """Reduce a prompt to what survives the bot's rewriting: letters and digits, lower case; "link" for a link.

    Quotes, spaces and dashes may come back as others, a long dash as "--"; marks that combine with a letter are left
    out, since the same word may be written with and without. Parameters are dropped: the bot adds and reorders them.
    Source: discord-wire 3.4. "" when only links or nothing are left: such a key can identify nothing.
    """
    linked = _LONG_DASH.sub("--", _URL.sub(f" {_LINK} ", prompt))
    words = _without_parameters(linked)
    return _letters(words.replace(_LINK, "link")) if _letters(words.replace(_LINK, "")) else ""


def _without_parameters(prompt: str) -> str:
    """Cut a prompt before its first parameter; one that begins with dashes may be speech, so only known ones count."""
    known = _KNOWN_PARAMETER.split(prompt, maxsplit=1)[0]
    words, _ = split_parameters(known)
    return words or known


def _letters(text: str) -> str:
    """Keep the letters and digits of every script, in one form and lower case."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(filter(str.isalnum, folded))
