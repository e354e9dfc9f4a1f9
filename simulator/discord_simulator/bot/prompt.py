"""What the bot makes of a prompt: links shortened, parameters checked and moved to its end.

Source: discord-wire §3.4 and §7.4. A client that compares prompts literally must fail against this.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..users import BotSettings, Mode
from .parameters import (
    FILM_PARAMETERS,
    FILM_RATIO,
    MAX_RATIO,
    SPEED_FLAGS,
    VISIBILITY_FLAGS,
    Parameter,
    parameter_named,
    position,
)

LINK = re.compile(r"<?(https?://[^\s<>]+)>?")
PARAMETER_START = re.compile(r"(?:^|(?<=\s))--(?=[A-Za-z])")
DASHES = str.maketrans({"—": "--", "–": "--"})  # what phones make of two hyphens
DEFAULT_STYLIZE = 100
DEFAULT_VERSION = "7.0"
SILENT_VERSIONS = frozenset({"4", "5.2"})  # not written behind a prompt that did not name them, as real messages show


class PromptRefused(ValueError):
    """The bot answers with an error embed; `title` is the embed's and the text its description."""

    def __init__(self, title: str, description: str) -> None:
        super().__init__(description)
        self.title = title
        self.description = description


@dataclass(frozen=True)
class Prompt:
    """A prompt as the bot writes it back: words and short links, then parameters in canonical order."""

    text: str
    parameters: tuple[tuple[str, str], ...] = ()
    stealth: bool | None = None  # by --stealth or --public, which are not written back
    model: str = DEFAULT_VERSION  # that draws it when no parameter names one

    def __str__(self) -> str:
        written = (f"--{name} {value}".rstrip() for name, value in self.parameters)
        return " ".join(filter(None, (self.text, *written)))

    @property
    def mode(self) -> Mode | None:
        """The last of --fast, --relax and --turbo."""
        return next((Mode(name) for name, _ in reversed(self.parameters) if name in SPEED_FLAGS), None)

    @property
    def is_film(self) -> bool:
        """Whether a parameter asks for a film."""
        return any(name in FILM_PARAMETERS for name, _ in self.parameters)

    def value(self, name: str) -> str | None:
        """Return a parameter's value, "" for a flag, None when it is not there."""
        return dict(self.parameters).get(name)

    def having(self, name: str, value: str) -> Prompt:
        """Copy the prompt with this parameter set."""
        return replace(self, parameters=_arranged(dict(self.parameters) | {name: value}))

    def lacking(self, *names: str) -> Prompt:
        """Copy the prompt without these parameters."""
        return replace(self, parameters=tuple(p for p in self.parameters if p[0] not in names))

    def of_film(self, ratio: str) -> Prompt:
        """Copy the prompt as the bot writes a film's: no version, the picture's ratio last."""
        film = self.having("video", "1").lacking("v", "niji", "ar", FILM_RATIO).having(FILM_RATIO, ratio)
        return film if self.value("loop") is None else film.lacking("loop").having("end", "loop")

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        width, height = (self.value("ar") or self.value(FILM_RATIO) or "1:1").split(":")
        return int(width) / int(height)

    @property
    def version(self) -> str:
        """The model, as in `7.0` or `niji 7`."""
        niji = self.value("niji")
        return f"niji {niji or 6}" if niji is not None else self.value("v") or self.model

    @property
    def words(self) -> str:
        """The text without links."""
        return " ".join(LINK.sub(" ", self.text).split())

    @property
    def picture_links(self) -> list[str]:
        """The links among the words: image prompts."""
        return LINK.findall(self.text)


Shorten = Callable[[str], str]


def read_prompt(raw: str, shorten: Shorten) -> Prompt:
    """Split, check and canonicalise what the user typed; `shorten` maps each link to its short form.

    Raises PromptRefused for a parameter that is unknown or has an impossible value.
    """
    head, *tails = PARAMETER_START.split(_tidied(raw.translate(DASHES)))
    words, given = [head], dict[str, str]()
    for tail in tails:
        name, value, rest = _read_parameter(tail)
        given.pop(name, None)  # a repeated parameter takes its last position
        given[name] = value
        words.append(rest)
    return _assembled(_tidied(" ".join(words)), given, shorten)


def with_defaults(prompt: Prompt, settings: BotSettings) -> Prompt:
    """Add what the account's settings say and the prompt does not."""
    prompt = replace(prompt, model=settings.version)
    is_silent = prompt.value("v") is not None or prompt.value("niji") is not None or prompt.model in SILENT_VERSIONS
    if not is_silent:
        prompt = prompt.having(*_version_parameter(settings.version))
    if settings.raw and prompt.value("style") is None:
        prompt = prompt.having("raw", "")
    if settings.personalize and prompt.value("profile") is None:
        prompt = prompt.having("profile", "")
    if settings.stylize != DEFAULT_STYLIZE and prompt.value("stylize") is None:
        prompt = prompt.having("stylize", str(settings.stylize))
    return prompt


def _arranged(parameters: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Put the parameters into the order of writing; a speed flag keeps its place among them."""
    others = (parameter for parameter in parameters.items() if parameter[0] not in SPEED_FLAGS)
    ordered = iter(sorted(others, key=lambda parameter: position(parameter[0])))
    return tuple(parameter if parameter[0] in SPEED_FLAGS else next(ordered) for parameter in parameters.items())


def _version_parameter(version: str) -> tuple[str, str]:
    name, _, number = version.rpartition(" ")
    return (name, number) if name else ("v", number)


def _tidied(text: str) -> str:
    """Collapse blanks but keep line breaks, which people do put into prompts."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(filter(None, lines))


def _read_parameter(tail: str) -> tuple[str, str, str]:
    """Split `name value words` into canonical name, value, and words that belong to the text."""
    typed, *words = tail.split()
    parameter = parameter_named(typed)
    if parameter is None:
        raise PromptRefused("Invalid parameter", f"Unrecognized parameter(s): `--{typed}`")
    count = _value_length(parameter, words)
    value = " ".join(words[:count])
    _check(parameter, value)
    return parameter.name, value, " ".join(words[count:])


def _value_length(parameter: Parameter, words: list[str]) -> int:
    match parameter.takes:
        case "nothing":
            return 0
        case "many":
            return len(words)
        case "maybe one":
            return int(bool(words) and parameter.accepts(words[0]))
        case "one":
            return min(1, len(words))


def _check(parameter: Parameter, value: str) -> None:
    if parameter.takes == "one" and not parameter.accepts(value):
        raise PromptRefused("Invalid parameter", f"Invalid value provided for argument `--{parameter.name}`: `{value}`")
    if parameter.name == "ar" and not 1 / MAX_RATIO <= Prompt("", (("ar", value),)).ratio <= MAX_RATIO:
        raise PromptRefused("Invalid parameter", f"Invalid aspect ratio `--ar {value}`: too long or too narrow")


def _assembled(text: str, given: dict[str, str], shorten: Shorten) -> Prompt:
    def short(match: re.Match[str]) -> str:
        return f"<{shorten(match[1])}>"

    stealth = next((flag == "stealth" for flag in reversed(given) if flag in VISIBILITY_FLAGS), None)
    values = {n: LINK.sub(short, _canonical(n, value)) for n, value in given.items() if n not in VISIBILITY_FLAGS}
    return Prompt(LINK.sub(short, text), _arranged(values), stealth)


def _canonical(name: str, value: str) -> str:
    return f"{value}.0" if name == "v" and "." not in value else value
