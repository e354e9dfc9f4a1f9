"""What each submitted modal does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..entities import Interaction
from .answers import Answer, NotUnderstood
from .job_buttons import INDEX, UUID, variation_flavour, words_of
from .job_creation import JobCreator, Press
from .jobs import Jobs
from .modals import submitted_prompt
from .several import Several

DEFAULT_ZOOM = "2"
Handler = Callable[..., Answer]  # what is submitted, and the named words of the modal's custom id


class ModalSubmits:
    """One method for each kind of modal; the modal's custom id says which job and which picture."""

    def __init__(self, jobs: Jobs, creator: JobCreator, several: Several) -> None:
        self._jobs = jobs
        self._creator = creator
        self._several = several
        self._handlers: tuple[tuple[re.Pattern[str], Handler], ...] = (
            (re.compile(rf"MJ::RemixModal::{UUID}::{INDEX}::(?P<strong>[01])"), self._remix),
            (re.compile(rf"MJ::PanModal::(?P<way>left|right|up|down)::{UUID}::{INDEX}"), self._pan),
            (re.compile(rf"MJ::OutpaintCustomZoomModal::{UUID}"), self._zoom),
            (re.compile(rf"MJ::AnimateModal::{UUID}::{INDEX}::(?P<motion>low|high)::[01]"), self._animate),
            (re.compile(r"MJ::ImagineModal::(?P<message>\d+)"), self._imagine),
            (re.compile(r"MJ::Picreader::Modal::[1-4]"), self._imagine_description),
        )

    def answer(self, interaction: Interaction) -> Answer:
        """Find what the submitted modal does; NotUnderstood when its job or message is unknown."""
        custom_id = interaction.custom_id or ""
        for pattern, handler in self._handlers:
            match = pattern.fullmatch(custom_id)
            if match and "job" in pattern.groupindex:
                return handler(self._press(interaction, match), **words_of(match))
            if match:
                return handler(interaction, **words_of(match))
        raise NotUnderstood(custom_id)

    def _remix(self, press: Press, strong: str) -> Answer:
        flavour = variation_flavour(press.job, strong=strong == "1")
        return Answer(partial(self._creator.vary, press, flavour))

    def _pan(self, press: Press, way: str) -> Answer:
        return Answer(partial(self._creator.pan, press, way))

    def _zoom(self, press: Press) -> Answer:
        """`--zoom` in the prompt says how far, another `--ar` reshapes the canvas."""
        typed, before = press.new_prompt, press.job.prompt
        ratio = typed.ratio if typed.value("ar") != before.value("ar") else None
        factor = float(typed.value("zoom") or DEFAULT_ZOOM)
        return Answer(partial(self._creator.zoom, replace(press, prompt=typed.lacking("zoom")), factor, ratio))

    def _animate(self, press: Press, motion: str) -> Answer:
        return Answer(partial(self._creator.animate, press, motion))

    def _imagine(self, interaction: Interaction, message: str) -> Answer:
        """Reroll the job of the message, or imagine one of its shortened prompts when it has no pictures."""
        parent = interaction.channel.messages.get(message)
        if parent is None:
            raise NotUnderstood(interaction.custom_id)
        job = self._jobs.by_id.get(parent.job_id or "")
        if job is None:
            return self._several.imagine(interaction, submitted_prompt(interaction), parent)
        prompt = self._creator.read(interaction, submitted_prompt(interaction))
        return Answer(partial(self._creator.reroll, Press(interaction, job, 1, prompt, interaction.custom_id)))

    def _imagine_description(self, interaction: Interaction) -> Answer:
        return self._several.imagine(interaction, submitted_prompt(interaction), interaction.message)

    def _press(self, interaction: Interaction, match: re.Match[str]) -> Press:
        job = self._jobs.by_id.get(match["job"])
        if job is None or job.account is not interaction.account:
            raise NotUnderstood(match.string)
        prompt = self._creator.read(interaction, submitted_prompt(interaction))
        return Press(interaction, job, int(match.groupdict().get("index") or 1), prompt, interaction.custom_id)
