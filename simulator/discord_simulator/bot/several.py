"""/imagine where one prompt makes several jobs, by `--repeat` or by options in braces: the bot asks first.

Source: Midjourney's documentation for what makes several jobs, how many a plan allows, and that there is a question.
Its words, its custom ids and what becomes of it are assumptions: no capture shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from ..entities import EPHEMERAL, Interaction, Message
from ..json_types import Json
from ..users import Mode
from ..world import World
from .answers import Answer, NotUnderstood
from .components import GREEN, RED, Row, button, row
from .embeds import NOTICE, embed
from .job_creation import JobCreator
from .permutations import TooMany, permutations
from .prompt import Prompt, PromptRefused
from .replies import refuse, reply

MOST_JOBS = {"Basic": 4, "Standard": 10, "Pro": 40, "Mega": 40}  # of one prompt, by plan
LEAST_REPEATS = 2
CONFIRM, DECLINE, SHOW = "MJ::Prompts::Confirm", "MJ::Prompts::Decline", "MJ::Prompts::Show"


@dataclass(frozen=True)
class Asked:
    """What happens after a yes."""

    prompts: list[Prompt]
    reply_to: Message | None


class Several:
    """Answers an imagine: one job at once, or a question before several."""

    def __init__(self, world: World, creator: JobCreator) -> None:
        self._world = world
        self._creator = creator
        self._asked: dict[str, Asked] = {}  # by the question's message

    def clear(self) -> None:
        """Forget every open question."""
        self._asked.clear()

    def imagine(self, interaction: Interaction, raw: str, reply_to: Message | None = None) -> Answer:
        """Answer what was typed for an imagine."""
        prompts = self._prompts(interaction, raw)
        if len(prompts) == 1:
            return Answer(partial(self._creator.imagine, interaction, prompts[0], reply_to))
        return Answer(partial(self._ask, interaction, Asked(prompts, reply_to)))

    def press(self, interaction: Interaction, choice: str) -> Answer:
        """Answer a button under a question."""
        message = interaction.message
        asked = self._asked.get(message.id) if message else None
        if message is None or asked is None:
            raise NotUnderstood(interaction.custom_id)
        if choice == SHOW:
            return Answer(partial(self._show, message, asked))
        del self._asked[message.id]
        if choice == CONFIRM:
            return Answer(partial(self._start, interaction, message, asked))
        return Answer(partial(self._close, message, "Cancelled."))

    def _prompts(self, interaction: Interaction, raw: str) -> list[Prompt]:
        """Read the prompt of each job."""
        most = MOST_JOBS.get(interaction.account.plan, max(MOST_JOBS.values()))
        try:
            texts = permutations(raw, most)
        except TooMany as err:
            raise PromptRefused("Invalid request", f"Your plan allows at most {most} prompts at once.") from err
        prompts = [each for text in texts for each in self._repeated(interaction, text, most)]
        if len(prompts) == 1:
            return prompts
        if len(prompts) > most:
            raise PromptRefused("Invalid request", f"Your plan allows at most {most} jobs at once.")
        modes = {prompt.mode or self._creator.settings(interaction).mode for prompt in prompts}
        if Mode.RELAX in modes and not self._world.options.several_in_relax:
            raise PromptRefused("Invalid request", "Several jobs at once need fast or turbo mode.")
        return prompts

    def _repeated(self, interaction: Interaction, text: str, most: int) -> list[Prompt]:
        prompt = self._creator.read(interaction, text, repeats=True)
        repeats = prompt.value("repeat")
        if repeats is None:
            return [prompt]
        if not LEAST_REPEATS <= int(repeats) <= most:
            raise PromptRefused("Invalid parameter", f"`--repeat` must be between {LEAST_REPEATS} and {most}")
        return [prompt.lacking("repeat")] * int(repeats)

    def _ask(self, interaction: Interaction, asked: Asked) -> None:
        words = f"You are about to imagine {len(asked.prompts)} prompts."
        title = "Are you sure?"
        rows = _buttons(has_show=True)
        in_embed = self._world.options.several_question == "embed"
        message = reply(
            self._world,
            interaction,
            "" if in_embed else f"{words} {title}",
            flags=EPHEMERAL,
            embeds=[embed(title, words, NOTICE)] if in_embed else [],
            components=rows,
        )
        self._asked[message.id] = asked

    def _show(self, message: Message, asked: Asked) -> None:
        listed = "\n".join(f"{number}. {prompt}" for number, prompt in enumerate(asked.prompts, start=1))
        self._world.edit(message, embeds=[embed("Are you sure?", listed, NOTICE)], components=_buttons(has_show=False))

    def _close(self, message: Message, words: str) -> None:
        self._world.edit(message, content=words, embeds=[], components=[])

    def _start(self, interaction: Interaction, message: Message, asked: Asked) -> None:
        """Close the question, then start each job with a message of its own."""
        self._close(message, f"Starting {len(asked.prompts)} jobs.")
        # Without a nonce the press is answered by the question's edit.
        nonce = interaction.nonce if self._world.options.several_start_has_nonce else None
        each = replace(interaction, nonce=nonce)
        for prompt in asked.prompts:
            try:
                self._creator.imagine(each, prompt, asked.reply_to)
            except PromptRefused as refusal:
                refuse(self._world, each, embed(refusal.title, refusal.description))


def _buttons(*, has_show: bool) -> list[Row]:
    show: list[Json] = [button(SHOW, "Show Prompts")] if has_show else []
    return [row(button(CONFIRM, "Yes", style=GREEN), button(DECLINE, "No", style=RED), *show)]
