"""What each button under a job's result does.

Source: discord-wire §2.5 for the custom ids, §2.4 (b)-(e) and (m) for what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ..entities import Interaction
from ..world import World
from . import modals
from .answers import Answer, NotUnderstood
from .components import GREEN, GREY, restyled, upscalers
from .job import Job
from .job_creation import JobCreator, Press
from .jobs import Jobs

UUID = r"(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
INDEX = r"(?P<index>[1-4])"
SUFFIX = r"(?:::SOLO)?"
ZOOM_FACTORS = {"50": 2.0, "75": 1.5}  # the custom id names the share that the picture keeps, roughly
REGION_TITLE = "Vary (Region)"
FIRST_VERSION_WITH_FLAVOURS = 5.0  # before it, a variation is neither strong nor subtle

Handler = Callable[..., Answer]  # the press, and the named words of its custom id


class JobButtons:
    """One method for each kind of button; with Remix on, most ask for a prompt first."""

    def __init__(self, world: World, jobs: Jobs, creator: JobCreator) -> None:
        self._world = world
        self._jobs = jobs
        self._creator = creator
        self._regions: dict[str, Press] = {}  # open Vary Region editors by the token of their iframe
        self._handlers: tuple[tuple[re.Pattern[str], Handler], ...] = (
            (re.compile(rf"MJ::JOB::upsample::{INDEX}::{UUID}{SUFFIX}"), self._pick),
            (re.compile(rf"MJ::JOB::video_virtual_upscale::{INDEX}::{UUID}{SUFFIX}"), self._pick),
            (re.compile(rf"MJ::JOB::upsample_(?P<model>\w+)::{INDEX}::{UUID}{SUFFIX}"), self._upscale),
            (re.compile(rf"MJ::JOB::variation::{INDEX}::{UUID}{SUFFIX}"), self._vary),
            (re.compile(rf"MJ::JOB::(?P<strength>high|low)_variation::{INDEX}::{UUID}{SUFFIX}"), self._vary),
            (re.compile(rf"MJ::JOB::reroll::0::{UUID}{SUFFIX}"), self._reroll),
            (re.compile(rf"MJ::JOB::pan_(?P<way>left|right|up|down)::{INDEX}::{UUID}{SUFFIX}"), self._pan),
            (re.compile(rf"MJ::Outpaint::(?P<kept>50|75)::{INDEX}::{UUID}{SUFFIX}"), self._zoom),
            (re.compile(rf"MJ::CustomZoom::{UUID}"), self._custom_zoom),
            (re.compile(rf"MJ::Inpaint::{INDEX}::{UUID}{SUFFIX}"), self._region),
            (
                re.compile(rf"MJ::JOB::animate_(?P<motion>high|low)(?P<extend>_extend)?::{INDEX}::{UUID}{SUFFIX}"),
                self._animate,
            ),
            (re.compile(rf"MJ::BOOKMARK::{UUID}"), self._bookmark),
            (re.compile(rf"MJ::CancelJob::ByJobid::{UUID}"), self._cancel),
        )

    def clear(self) -> None:
        """Forget the open editors."""
        self._regions.clear()

    def answer(self, interaction: Interaction) -> Answer:
        """Find what the pressed button does; NotUnderstood when its job is unknown."""
        custom_id = interaction.custom_id or ""
        for pattern, handler in self._handlers:
            match = pattern.fullmatch(custom_id)
            if match:
                return handler(self._press(interaction, match), **words_of(match))
        raise NotUnderstood(custom_id)

    def take_region(self, token: str) -> Press | None:
        """Return the press that an editor's token belongs to, and forget it."""
        return self._regions.pop(token, None)

    def _press(self, interaction: Interaction, match: re.Match[str]) -> Press:
        job = self._jobs.by_id.get(match["job"])
        if job is None or job.account is not interaction.account:
            raise NotUnderstood(match.string)
        return Press(interaction, job, int(match.groupdict().get("index") or 1))

    def _pick(self, press: Press) -> Answer:
        return Answer(partial(self._creator.pick, press))

    def _upscale(self, press: Press, model: str) -> Answer:
        flavours = {words: flavour for flavour, words in upscalers(press.job.prompt.version).items()}
        if model not in flavours:
            raise NotUnderstood(model)
        return Answer(partial(self._creator.upscale, press, flavours[model]))

    def _vary(self, press: Press, strength: str = "") -> Answer:
        settings = self._creator.settings(press.interaction)
        strong = strength == "high" if strength else settings.high_variation
        if settings.remix:
            return self._modal(press, modals.remix_id(press.job, press.index, strong=strong))
        return Answer(partial(self._creator.vary, press, variation_flavour(press.job, strong=strong)))

    def _reroll(self, press: Press) -> Answer:
        message = press.interaction.message
        if self._asks_for_prompt(press) and message:
            return self._modal(press, press.job.modal_id or modals.imagine_id(message.id))
        return Answer(partial(self._creator.reroll, press))

    def _pan(self, press: Press, way: str) -> Answer:
        if self._asks_for_prompt(press):
            return self._modal(press, modals.pan_id(press.job, press.index, way))
        return Answer(partial(self._creator.pan, press, way))

    def _zoom(self, press: Press, kept: str) -> Answer:
        return Answer(partial(self._creator.zoom, press, ZOOM_FACTORS[kept]))

    def _custom_zoom(self, press: Press) -> Answer:
        return self._modal(press, modals.zoom_id(press.job), prefill=str(press.job.prompt.having("zoom", "2")))

    def _region(self, press: Press) -> Answer:
        token = self._world.new_uuid()
        self._regions[token] = press
        path = f"/inpaint/index.html?customId={token}"
        return Answer(partial(self._world.iframe, press.interaction, f"MJ::iframe::{token}", REGION_TITLE, path))

    def _animate(self, press: Press, motion: str, extend: str) -> Answer:
        if self._asks_for_prompt(press):
            return self._modal(press, modals.animate_id(press.job, press.index, motion, extends=bool(extend)))
        return Answer(partial(self._creator.animate, press, motion))

    def _cancel(self, press: Press) -> Answer:
        return Answer(partial(self._jobs.cancel, press.job))

    def _bookmark(self, press: Press) -> Answer:
        return Answer(partial(self._toggle_bookmark, press))

    def _toggle_bookmark(self, press: Press) -> None:
        message, custom_id = press.interaction.message, press.interaction.custom_id or ""
        if message:
            is_on = (message.component(custom_id) or {}).get("style") == GREEN
            style = GREY if is_on else GREEN
            self._world.edit(message, components=restyled(message.components, custom_id, style))

    def _asks_for_prompt(self, press: Press) -> bool:
        return self._creator.settings(press.interaction).remix

    def _modal(self, press: Press, custom_id: str, prefill: str | None = None) -> Answer:
        return modals.opening(self._world, press.interaction, custom_id, prefill or str(press.job.prompt))


def words_of(match: re.Match[str]) -> dict[str, str]:
    """Return the parts of a custom id other than the job and the picture; "" for a missing part."""
    return {name: word or "" for name, word in match.groupdict().items() if name not in ("job", "index")}


def variation_flavour(job: Job, *, strong: bool) -> str | None:
    """Return a variation's strength, if the job's version has one."""
    version = float(job.prompt.version.rpartition(" ")[2])
    if version < FIRST_VERSION_WITH_FLAVOURS:
        return None
    return "Strong" if strong else "Subtle"
