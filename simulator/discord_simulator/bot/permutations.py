"""Expands options in braces to prompts, as in `a {red, blue} fox`.

Source: Midjourney's documentation of permutation prompts.
"""

from __future__ import annotations

import re
from itertools import pairwise

MARK = re.compile(r"\\?[{},]")
BRACE_OR_ESCAPED_COMMA = re.compile(r"\s*\\,|\\?[{}]")


class TooMany(ValueError):
    """They expand to more prompts than allowed."""


def permutations(text: str, most: int) -> list[str]:
    """Write out every combination, the leftmost braces changing last; braces around a single option are text.

    Raises TooMany.
    """
    waiting, done = [text], list[str]()
    while waiting:
        if len(waiting) + len(done) > most:
            raise TooMany(text)
        prompt = waiting.pop()
        choice = _first_choice(prompt)
        if choice is None:
            done.append(prompt)
        else:
            start, end, options = choice
            waiting += [prompt[:start] + option.strip() + prompt[end:] for option in reversed(options)]
    return done


def _first_choice(prompt: str) -> tuple[int, int, list[str]] | None:
    """Find the outermost braces that begin first and hold a comma of their own: where they stand, and their options."""
    opened: list[list[int]] = []  # positions of a brace and its commas
    choices: list[list[int]] = []  # the same of braces that are closed, and where they end
    single: list[tuple[int, int]] = []
    for mark in MARK.finditer(prompt):
        if mark[0] == "{":
            opened.append([mark.start()])
        elif mark[0] == "," and opened:
            opened[-1].append(mark.start())
        elif mark[0] == "}" and opened:
            stops = [*opened.pop(), mark.start()]
            if len(stops) > 2:
                choices.append(stops)
            else:
                single.append((stops[0], stops[1]))
    if not choices:
        return None
    stops = min(choices)
    options = [prompt[begin + 1 : end] for begin, end in pairwise(stops)]
    if not any(start < stops[0] and stops[-1] < end for start, end in single):
        options = [_unescaped(option) for option in options]
    return stops[0], stops[-1] + 1, options


def _unescaped(option: str) -> str:
    """Turn escaped commas into plain ones, save between braces of the option's own."""
    pieces, depth, start = [], 0, 0
    for mark in BRACE_OR_ESCAPED_COMMA.finditer(option):
        if mark[0].endswith("\\,") and depth == 0:
            pieces += [option[start : mark.start()], ","]
            start = mark.end()
        depth = max(0, depth + {"{": 1, "}": -1}.get(mark[0], 0))
    return "".join(pieces) + option[start:]
