"""Prompts as text: what is sent to Midjourney, and what two prompts must share to be the same."""

import re

from midway.domain.action import Speed

_URL = re.compile(r"<?https?://[^\s>]+>?")
_LINK_OR_DASHES = re.compile(rf"({_URL.pattern})|-{{3,}}")
_LONE_DASHES = re.compile(r"(?<!\S)--(?!\S)")
_TYPESET_DASH = re.compile(r"(?<!\S)[\u2013\u2014](?=[a-z])")  # what a phone's keyboard makes of "--ar"
_SPEED_FLAG = re.compile(r"(?<!\S)--(fast|relax|turbo)(?!\S)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<!\S)--[a-z]", re.IGNORECASE)
_FILM = re.compile(r"(?<!\S)--video(?!\S)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_PERMUTATION = re.compile(r"(?<!\\)\{[^{},]*,[^{}]*\}")
_REPEAT = re.compile(r"(?<!\S)--(repeat|r)\s", re.IGNORECASE)


def clean(prompt: str) -> str:
    """Make one line of it, without what Discord's command would choke on: control characters, lone or long dashes."""
    line = _CONTROL.sub("", _SPACE.sub(" ", prompt))
    line = _LINK_OR_DASHES.sub(lambda found: found[1] or " ", line)  # a picture's address may hold any number of them
    line = _LONE_DASHES.sub("", _TYPESET_DASH.sub("--", line))
    return _SPACE.sub(" ", line).strip()


def speed_from_prompt(prompt: str) -> Speed | None:
    """Read the last speed flag in a prompt."""
    flags = _SPEED_FLAG.findall(prompt)
    return Speed(flags[-1].lower()) if flags else None


def with_speed(prompt: str, speed: Speed | None) -> str:
    """Return the prompt with exactly this speed flag; unchanged when no speed is wished."""
    if speed is None:
        return prompt
    return f"{_SPACE.sub(' ', _SPEED_FLAG.sub('', prompt)).strip()} --{speed.value}".strip()


def split_parameters(prompt: str) -> tuple[str, str]:
    """Split into the words and the `--parameters` that follow them."""
    found = _PARAMETER.search(prompt)
    return (prompt[: found.start()].strip(), prompt[found.start() :].strip()) if found else (prompt.strip(), "")


def makes_many_jobs(prompt: str) -> bool:
    """Tell whether Midjourney would make several jobs of it (`--repeat`, `{a, b}`), which one Task cannot follow."""
    return bool(_REPEAT.search(prompt + " ") or _PERMUTATION.search(prompt))


def is_of_film(prompt: str) -> bool:
    """Tell whether a prompt, as the bot writes it, is that of a film."""
    return bool(_FILM.search(prompt))


def prompt_key(prompt: str) -> str:
    """Reduce a prompt to what survives the bot's rewriting: its words, lower case; links as `<link>`.

    Parameters are dropped because the bot adds and reorders them.
    Source: discord-wire 3.4. "" when only links or nothing are left: such a key can identify nothing.
    """
    words, _ = split_parameters(_URL.sub(" <link> ", prompt))
    bare = _SPACE.sub("", words.replace("<link>", "")).casefold()
    return _SPACE.sub("", words).casefold() if bare else ""
