"""Scenarios as data: what each file in `cases/` may say, and how it becomes one test for each bot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from midway.domain.action import Bot

CASES = Path(__file__).parent / "cases"
BOTS = {"mj": Bot.MIDJOURNEY, "niji": Bot.NIJI}
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What SubmitModal gives; a mask is drawn in the size of the parent's picture."""

    prompt: str = ""
    mask: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """One submit. `verb` is one of `play.ASKS`, `subject` what stands beside it; it acts on the step before."""

    verb: str
    subject: Any
    modifiers: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must be true of the Task that the case is about; a field left out is not looked at.

    `picture` is `grid`, `single`, `quadrant N`, `video`, `sent` (the picture given comes back) or `none`.
    `interactions` names, in order, everything that the simulator received for it.
    `buttons` must be there, by label or emoji; `pressed` begins the custom id that was pressed.
    """

    state: str = "SUCCEEDED"
    action: str = ""
    picture: str = "none"
    prompt: str = ""
    buttons: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()
    pressed: str = ""
    reason: str = ""
    notice: str = ""
    speed: str = ""
    proposals: int = 0
    tasks: int = 1
    seed: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scenario, for one bot.

    `before` lists the steps that make its parents, `do` is the step it is about. `waits_for` is the modal's kind;
    then `answer` follows. `cancel_in` cancels the Task once it is in that state. `remix` is the Account's setting,
    which Midway learns unless `remix_known` says otherwise. `forgotten` is a prefix of custom ids that Midway shall not
    know.
    """

    name: str
    bot: Bot
    do: Step
    expect: Expected
    before: tuple[Step, ...] = ()
    waits_for: str = ""
    proposal: str = ""
    answer: Answer | None = None
    cancel_in: str = ""
    remix: bool = False
    remix_known: bool | None = None
    forgotten: str = ""
    faults: tuple[Json, ...] = ()
    options: Json = field(default_factory=dict)
    limits: Json = field(default_factory=dict)  # seconds
    slots: int = 3
    speed: float = 200  # of the simulator; a relaxed job would take seconds


@cache
def cases() -> tuple[Case, ...]:
    """Read every case of every file."""
    return tuple(case for path in sorted(CASES.glob("*.yaml")) for case in _cases_from(path))


def _cases_from(path: Path) -> Iterator[Case]:
    for raw in yaml.safe_load(path.read_text("utf-8")):
        for words in _variants(raw):
            yield from _for_bots(words)


def _variants(raw: Json) -> Iterator[Json]:
    """Repeat a case for every word under `each`, put in where `{each}` stands."""
    raw = dict(raw)
    for word in raw.pop("each", [None]):
        yield raw if word is None else _with_word(raw, str(word))


def _with_word(value: Any, word: str) -> Any:
    match value:
        case str():
            return value.replace("{each}", word)
        case list():
            return [_with_word(item, word) for item in value]
        case dict():
            return {key: _with_word(item, word) for key, item in value.items()}
        case _:
            return value


def _for_bots(raw: Json) -> Iterator[Case]:
    raw = dict(raw)
    for bot in raw.pop("bots", list(BOTS)):
        yield _case(raw | {"name": f"{raw['name']}-{bot}", "bot": BOTS[bot]})


def _case(raw: Json) -> Case:
    expect = Expected(**{key: _frozen(value) for key, value in raw.pop("expect").items()})
    before = tuple(_step(step) for step in raw.pop("before", ()))
    answer = Answer(**raw.pop("answer")) if "answer" in raw else None
    faults = tuple(raw.pop("faults", ()))
    return Case(
        **raw | {"do": _step(raw["do"]), "expect": expect, "before": before, "answer": answer, "faults": faults}
    )


def _step(raw: Json) -> Step:
    (verb, subject), *modifiers = raw.items()
    return Step(verb=verb, subject=subject, modifiers=dict(modifiers))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
