"""Which part of the bot answers which command, button or modal."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ..entities import COMMAND, COMPONENT, Interaction
from ..users import Mode
from ..world import World
from .answers import Answer, NotUnderstood
from .describe import Describer
from .job_buttons import JobButtons
from .job_creation import JobCreator
from .job_lookup import JobLookup
from .jobs import Jobs
from .modal_submits import ModalSubmits
from .panels import Panels
from .photos import checked_photo
from .prompt import PromptRefused
from .several import CONFIRM, DECLINE, SHOW, Several
from .short_links import ShortLinks
from .shorten import Shortener

BLEND_LIMITS = range(2, 6)  # pictures
DESCRIBE_BUTTON = re.compile(r"MJ::Job::PicReader::([1-4]|all)")
SHORTEN_BUTTON = re.compile(r"MJ::Job::PromptAnalyzer::([1-5])")

Handler = Callable[[Interaction], Answer]


class Router:
    """Holds the bot's parts, and dispatches interactions to them."""

    def __init__(self, world: World) -> None:
        self.links = ShortLinks(world.random)
        self.jobs = Jobs(world, self.links)
        self.creator = JobCreator(world, self.jobs, self.links)
        self.buttons = JobButtons(world, self.jobs, self.creator)
        self.lookup = JobLookup(world, self.jobs)
        self._several = Several(world, self.creator)
        self._modal_submits = ModalSubmits(self.jobs, self.creator, self._several)
        self._describer = Describer(world, self.creator)
        self._shortener = Shortener(world, self.creator)
        self._panels = Panels(world, self.jobs)
        self.commands: dict[str, Handler] = {  # every name in ..commands.DEFINITIONS
            "imagine": self._imagine,
            "blend": self._blend,
            "describe": self._describer.command,
            "shorten": self._shortener.command,
            "show": self.lookup.command,
            "info": self._panels.info,
            "settings": self._panels.settings,
            "prefer remix": self._panels.toggle_remix,
            **{mode.value: partial(self._panels.set_mode, mode=mode) for mode in Mode},
        }

    def answer(self, interaction: Interaction) -> Answer:
        """Ask the right part; raises what it raises: NotUnderstood or PromptRefused."""
        if interaction.type == COMMAND:
            return self._command(interaction)
        if interaction.type == COMPONENT:
            return self._button(interaction)
        return self._modal_submits.answer(interaction)

    def clear(self) -> None:
        """Forget every job, link and open modal."""
        for part in (self.jobs, self.links, self.buttons, self._several, self._describer, self._shortener):
            part.clear()

    def _command(self, interaction: Interaction) -> Answer:
        handler = self.commands.get(interaction.name or "")
        if handler is None:
            raise NotUnderstood(interaction.name)
        return handler(interaction)

    def _button(self, interaction: Interaction) -> Answer:
        custom_id = interaction.custom_id or ""
        if custom_id.startswith("MJ::Settings::"):
            return self._panels.press(interaction)
        if custom_id in (CONFIRM, DECLINE, SHOW):
            return self._several.press(interaction, custom_id)
        if custom_id == "MJ::Picread::Retry":
            return self._describer.press(interaction, "retry")
        if custom_id.startswith("MJ::Job::PromptAnalyzerExtended::"):
            return self._shortener.show_details(interaction)
        if match := DESCRIBE_BUTTON.fullmatch(custom_id):
            return self._describer.press(interaction, match[1])
        if match := SHORTEN_BUTTON.fullmatch(custom_id):
            return self._shortener.press(interaction, int(match[1]))
        return self.buttons.answer(interaction)

    def _imagine(self, interaction: Interaction) -> Answer:
        return self._several.imagine(interaction, str(interaction.options.get("prompt", "")))

    def _blend(self, interaction: Interaction) -> Answer:
        """Blend the uploads; the prompt that shows is their short links and the dimensions."""
        values = [value for name, value in sorted(interaction.options.items()) if name.startswith("image")]
        uploads = [upload for upload in map(interaction.upload, values) if upload]
        if len(uploads) not in BLEND_LIMITS:
            raise PromptRefused("Invalid images", "Blend takes two to five images.")
        images = tuple(checked_photo(upload.content, upload.filename) for upload in uploads)
        links = " ".join(self.links.shorten(f"attachment://{upload.filename}") for upload in uploads)
        prompt = self.creator.read(interaction, f"{links} {interaction.options.get('dimensions', '')}")
        return Answer(partial(self.creator.blend, interaction, prompt, images))
