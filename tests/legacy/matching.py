"""Compares an answer with what a case expects of it.

A mapping must have exactly the keys expected, unless it holds `...`. Texts that begin with `~` are wishes:

    ~id          a Task id: a string of 16 digits
    ~text        a string that is not blank
    ~integer     a JSON integer, neither quoted nor with a fraction
    ~absent      the key is not there
    ~any         anything
    ~accepted    one of the codes that mean that a Task was taken: 1 and 22
    ~has TEXT    a string that holds TEXT
    ~like REGEX  a string that the regular expression matches as a whole
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

OPEN = "..."  # other keys may be there

WISHES: dict[str, Callable[[Any, str], bool]] = {
    "~id": lambda value, _: isinstance(value, str) and re.fullmatch(r"\d{16}", value) is not None,
    "~text": lambda value, _: isinstance(value, str) and bool(value.strip()),
    "~integer": lambda value, _: isinstance(value, int) and not isinstance(value, bool),
    "~accepted": lambda value, _: value in {1, 22},
    "~any": lambda _value, _: True,
    "~has": lambda value, wanted: isinstance(value, str) and wanted in value,
    "~like": lambda value, wanted: isinstance(value, str) and re.fullmatch(wanted, value, re.DOTALL) is not None,
}


def mismatches(expected: Any, actual: Any, where: str = "$") -> Iterator[str]:
    """Yield one sentence for each difference."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from _of_mapping(expected, actual, where)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _of_list(expected, actual, where)
    elif not _agrees(expected, actual):
        yield f"{where}: expected {expected!r}, got {actual!r}"


def _of_mapping(expected: dict[str, Any], actual: dict[str, Any], where: str) -> Iterator[str]:
    wanted = {key: value for key, value in expected.items() if key != OPEN}
    if OPEN not in expected:
        yield from (f"{where}.{key}: not expected, got {actual[key]!r}" for key in actual.keys() - wanted.keys())
    for key, value in wanted.items():
        if value == "~absent":
            if key in actual:
                yield f"{where}.{key}: must be absent, got {actual[key]!r}"
        elif key not in actual:
            yield f"{where}.{key}: missing"
        else:
            yield from mismatches(value, actual[key], f"{where}.{key}")


def _of_list(expected: list[Any], actual: list[Any], where: str) -> Iterator[str]:
    if len(expected) != len(actual):
        yield f"{where}: expected {len(expected)} elements, got {len(actual)}: {actual!r}"
    for index, (wanted, given) in enumerate(zip(expected, actual, strict=False)):
        yield from mismatches(wanted, given, f"{where}[{index}]")


def _agrees(expected: Any, actual: Any) -> bool:
    if isinstance(expected, str) and expected.startswith("~"):
        wish, _, wanted = expected.partition(" ")
        return WISHES[wish](actual, wanted)
    return type(expected) is type(actual) and bool(expected == actual)
