"""The `--parameters` that the bot knows, in the order in which it writes them back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Takes = Literal["nothing", "one", "maybe one", "many"]  # how many of the following words are its value

MAX_RATIO = 14.0  # of the longer to the shorter side; beyond it a picture is refused


@dataclass(frozen=True)
class Parameter:
    """One parameter: its canonical name, the value it takes, and the other names people type."""

    name: str
    takes: Takes = "nothing"
    pattern: str = r".+"
    aliases: tuple[str, ...] = ()

    def accepts(self, word: str) -> bool:
        """Tell whether one word can be its value."""
        return re.fullmatch(self.pattern, word) is not None


def _number(name: str, *aliases: str, pattern: str = r"\d{1,4}(\.\d+)?") -> Parameter:
    return Parameter(name, "one", pattern, aliases)


PARAMETERS = (
    _number("chaos", "c", pattern=r"\d{1,2}|100"),
    Parameter("ar", "one", r"[1-9]\d{0,3}:[1-9]\d{0,3}", ("aspect",)),
    Parameter("no", "many"),
    Parameter("cref", "many"),
    _number("cw", pattern=r"\d{1,2}|100"),
    Parameter("sref", "many"),
    _number("sw", pattern=r"\d{1,3}|1000"),
    _number("sv", pattern=r"\d"),
    Parameter("oref", "many"),
    _number("ow", pattern=r"\d{1,3}|1000"),
    _number("exp", pattern=r"\d{1,2}|100"),
    _number("iw", pattern=r"[0-3](\.\d+)?"),
    _number("quality", "q", pattern=r"0?\.\d+|[124](\.0)?"),
    _number("seed", "sameseed", pattern=r"\d{1,10}"),
    _number("stop", pattern=r"[1-9]\d|100"),
    Parameter("style", "one", r"\w+"),
    _number("stylize", "s", pattern=r"\d{1,3}|1000"),
    _number("weird", "w", pattern=r"[0-2]?\d{1,3}|3000"),
    Parameter("raw"),
    Parameter("tile"),
    Parameter("draft"),
    Parameter("hd"),
    Parameter("profile", "many", aliases=("p", "personalize")),
    Parameter("motion", "one", r"low|high"),
    _number("bs", pattern=r"[124]"),
    Parameter("loop"),
    Parameter("end", "one", r"\S+"),
    Parameter("video", "maybe one", r"1"),
    _number("zoom", pattern=r"1(\.\d+)?|2(\.0+)?"),
    _number("repeat", "r", pattern=r"\d{1,4}"),
    Parameter("niji", "maybe one", r"\d(\.\d)?"),
    Parameter("v", "one", r"\d(\.\d)?", ("version",)),
)
FILM_PARAMETERS = frozenset({"video", "motion", "bs", "end", "loop"})  # each of them asks for a film
FILM_RATIO = "aspect"  # what a film's prompt calls `ar`; written last
SPEED_FLAGS = ("fast", "relax", "turbo")
VISIBILITY_FLAGS = ("stealth", "public")

_POSITIONS = {parameter.name: position for position, parameter in enumerate(PARAMETERS)}
_POSITIONS |= {FILM_RATIO: len(PARAMETERS)}
_BY_NAME = {name: parameter for parameter in PARAMETERS for name in (parameter.name, *parameter.aliases)}
_BY_NAME |= {flag: Parameter(flag) for flag in (*SPEED_FLAGS, *VISIBILITY_FLAGS)}


def parameter_named(name: str) -> Parameter | None:
    """Find a parameter by its own or another name; None when the bot does not know it."""
    return _BY_NAME.get(name.lower())


def position(name: str) -> int:
    """Return a canonical name's place in the order of writing."""
    return _POSITIONS[name]
