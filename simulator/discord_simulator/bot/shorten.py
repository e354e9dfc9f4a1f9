"""/shorten: which words of a prompt weigh, and shorter prompts made of the heavy ones.

Source: discord-wire §2.4 (g).
"""

from __future__ import annotations

import hashlib
from functools import partial

from ..entities import LOADING, Interaction, Message
from ..json_types import Json
from ..world import World
from . import modals
from .answers import Answer, NotUnderstood
from .components import DIGITS, shorten_rows
from .embeds import SUCCESS
from .job_creation import JobCreator
from .prompt import PromptRefused
from .replies import reply

SECONDS = (3.0, 8.0)  # Source: discord-wire §7.4
KEPT_SHARES = (0.8, 0.6, 0.45, 0.3, 0.15)  # of the words, in the five shortened prompts
HEAVY, LIGHT = 0.6, 0.3  # weights from which a word is bold, below which it is struck out
FILLERS = frozenset(
    ("a", "an", "the", "of", "in", "on", "at", "by", "to", "and", "or", "with", "very", "really", "some", "is", "are")
)
FOOTER = "Click on a button to imagine one of the shortened prompts"


class Shortener:
    """Handles the command and the buttons under its answers."""

    def __init__(self, world: World, creator: JobCreator) -> None:
        self._world = world
        self._creator = creator
        self._prompts: dict[str, str] = {}  # the words analysed, by message id

    def clear(self) -> None:
        """Forget every answer given."""
        self._prompts.clear()

    def command(self, interaction: Interaction) -> Answer:
        """Answer /shorten."""
        prompt = self._creator.read(interaction, str(interaction.options.get("prompt", "")))
        if not prompt.words:
            raise PromptRefused("Invalid prompt", "There is nothing to shorten.")
        return Answer(partial(self._begin, interaction, prompt.words))

    def press(self, interaction: Interaction, number: int) -> Answer:
        """Answer the button of one shortened prompt."""
        message, prompt = self._asked(interaction)
        choices = shortened(prompt)
        if number > len(choices):
            raise NotUnderstood(interaction.custom_id)
        return modals.opening(self._world, interaction, modals.imagine_id(message.id), choices[number - 1])

    def show_details(self, interaction: Interaction) -> Answer:
        """Answer Show Details: every word's weight, in the same message."""
        message, prompt = self._asked(interaction)
        return Answer(partial(self._show, message, prompt, has_details=True))

    def _asked(self, interaction: Interaction) -> tuple[Message, str]:
        message = interaction.message
        if message is None or message.id not in self._prompts:
            raise NotUnderstood(interaction.custom_id)
        return message, self._prompts[message.id]

    def _begin(self, interaction: Interaction, words: str) -> None:
        message = reply(self._world, interaction, flags=LOADING)
        self._prompts[message.id] = words
        self._world.clock.call_later(self._world.random.uniform(*SECONDS), self._show, message, words)

    def _show(self, message: Message, words: str, *, has_details: bool = False) -> None:
        choices = shortened(words)
        tokens = _weights_list(words) if has_details else _marked(words)
        lines = "\n".join(f"{digit} {choice}" for digit, choice in zip(DIGITS, choices, strict=False))
        embed: Json = {
            "title": "Important tokens",
            "description": f"{tokens}\n\n## Shortened prompts\n{lines}",
            "color": SUCCESS,
            "footer": {"text": FOOTER},
        }
        rows = shorten_rows(self._world.new_uuid(), len(choices), has_details=has_details)
        self._world.edit(message, flags=0, embeds=[embed], components=rows)


def weight(word: str) -> float:
    """Return a word's weight from 0 to 1; always the same for the same word."""
    bare = word.strip(",.;:!?").lower()
    chance = hashlib.sha256(bare.encode()).digest()[0] / 255
    return round(chance * 0.25 if bare in FILLERS else 0.3 + chance * 0.7, 2)


def shortened(words: str) -> list[str]:
    """Make up to five prompts of the heaviest words, in their order, the longest first."""
    split = words.split()
    by_weight = sorted(range(len(split)), key=lambda position: -weight(split[position]))
    made = []
    for share in KEPT_SHARES:
        kept = sorted(by_weight[: max(1, round(len(split) * share))])
        made.append(" ".join(split[position] for position in kept))
    return list(dict.fromkeys(made))


def _marked(words: str) -> str:
    return " ".join(_mark(word) for word in words.split())


def _mark(word: str) -> str:
    if weight(word) >= HEAVY:
        return f"**{word}**"
    return f"~~{word}~~" if weight(word) < LIGHT else word


def _weights_list(words: str) -> str:
    return ", ".join(f"{word} ({weight(word):.2f})" for word in words.split())
