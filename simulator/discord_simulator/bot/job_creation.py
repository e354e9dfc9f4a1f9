"""Makes a Job of what an interaction asks for, and submits it."""

from __future__ import annotations

from dataclasses import dataclass

from ..entities import Interaction, Message
from ..options import PictureSize
from ..users import BOTS, BotSettings
from ..world import World
from . import recipes
from .action_queue import ActionQueue
from .art import REAL, SMALL
from .content import GRID, ZOOM_OUT, Verb, pan_verb, upscale_verb, variation_verb
from .frames import Frame
from .job import Job, Kind
from .jobs import Jobs
from .parameters import FILM_RATIO
from .photos import photo_size, ratio_text
from .prompt import LINK, Prompt, PromptRefused, read_prompt, with_defaults
from .recipes import Recipe
from .short_links import ShortLinks

MAX_SEED = 2**32
CANVASES = {PictureSize.SMALL: SMALL, PictureSize.REAL: REAL}
VIDEOS_IN_A_BATCH = 4
RATIO_ROUNDING = 0.02  # at most, between a ratio and that of the size made of it
PICTURES_WITHOUT_WORDS = 2  # of as many pictures something can be made without a word


def pressed_button(interaction: Interaction) -> str | None:
    """Return the custom id of the button that started the job, directly or through a modal."""
    return interaction.modal.opened_by.custom_id if interaction.modal else interaction.custom_id


@dataclass(frozen=True)
class Press:
    """A button of a job's message: who pressed it, whose job it is, and the new prompt if a modal asked for one."""

    interaction: Interaction
    job: Job
    index: int = 1
    prompt: Prompt | None = None  # None: the job's own
    modal_id: str | None = None

    @property
    def pressed(self) -> str | None:
        return pressed_button(self.interaction)

    @property
    def new_prompt(self) -> Prompt:
        return self.prompt or self.job.prompt

    @property
    def is_remix(self) -> bool:
        return self.prompt is not None and str(self.prompt) != str(self.job.prompt)


class JobCreator:
    """One method for each kind of job; each makes one and submits it."""

    def __init__(self, world: World, jobs: Jobs, links: ShortLinks) -> None:
        self._world = world
        self._jobs = jobs
        self._links = links

    def settings(self, interaction: Interaction) -> BotSettings:
        """Return the account's settings with the bot that was addressed."""
        return interaction.account.settings[interaction.application_id]

    def read(self, interaction: Interaction, raw: str, *, repeats: bool = False) -> Prompt:
        """Read a typed prompt as this bot with this account's settings does; `--repeat` is refused unless it counts."""
        prompt = with_defaults(read_prompt(raw, self._links.shorten), self.settings(interaction))
        if prompt.value("repeat") is not None and not repeats:
            raise PromptRefused("Invalid parameter", "`--repeat` works with `/imagine` only")
        return prompt

    def imagine(self, interaction: Interaction, prompt: Prompt, reply_to: Message | None = None) -> None:
        """New pictures, or films that begin with the picture in the prompt."""
        job = self._filmed(interaction, prompt) if prompt.is_film else self._imagined(interaction, prompt)
        job.reply_to, job.pressed = reply_to, pressed_button(interaction)
        self._jobs.submit(job)

    def blend(self, interaction: Interaction, prompt: Prompt, images: tuple[bytes, ...]) -> None:
        """The pictures sent, mixed."""
        self._jobs.submit(self._job(Kind.BLEND, interaction, prompt, recipes.blended(images)))

    def pick(self, press: Press) -> ActionQueue:
        """One picture of a grid, as a message of its own; gives what else may have to wait for it."""
        kind = Kind.VIDEO_PICK if press.job.is_video else Kind.PICK
        job = self._from_press(kind, press, None, GRID, frames=(press.job.frame(press.index),))
        self._jobs.deliver_pick(job)
        return job.actions

    def vary(self, press: Press, flavour: str | None) -> None:
        """Four pictures near one."""
        novelty = recipes.SUBTLE if flavour == "Subtle" else recipes.STRONG
        recipe = recipes.varied(press.job.art(press.index), novelty)
        self._submit(Kind.VARIATION, press, recipe, variation_verb(flavour, remixed=press.is_remix))

    def region(self, press: Press, mask_png: bytes, *, has_nonce: bool) -> None:
        """Four pictures that differ from one under the mask only."""
        recipe = recipes.repainted(press.job.art(press.index), mask_png)
        verb = variation_verb("Region", remixed=press.is_remix)
        job = self._from_press(Kind.REGION, press, recipe, verb)
        job.nonce = job.nonce if has_nonce else None
        self._jobs.submit(job)

    def reroll(self, press: Press) -> None:
        """The same job, drawn again."""
        recipe = press.job.recipe
        if press.job.kind is Kind.IMAGINE:  # a new prompt may hold other image prompts
            recipe = recipes.imagined(self._images(press.new_prompt))
        if recipe and press.job.is_video:
            self._film(press, recipe, press.new_prompt.of_film(_ratio(press.job, press.job.frames[0])))
        elif recipe:
            self._submit(press.job.kind, press, recipe, press.job.verb)

    def zoom(self, press: Press, factor: float, ratio: float | None = None) -> None:
        """Four pictures with one in their middle."""
        self._submit(Kind.ZOOM, press, recipes.zoomed(press.job.art(press.index), factor, ratio), ZOOM_OUT)

    def pan(self, press: Press, direction: str) -> None:
        """Four pictures that continue one to a side."""
        self._submit(Kind.PAN, press, recipes.panned(press.job.art(press.index), direction), pan_verb(direction))

    def upscale(self, press: Press, flavour: str) -> None:
        """One picture in high resolution."""
        self._submit(Kind.UPSCALE, press, recipes.enlarged(press.job.art(press.index), flavour), upscale_verb(flavour))

    def animate(self, press: Press, motion: str) -> None:
        """Videos that begin with one picture, or go on from one video."""
        frame = press.job.frame(press.index)
        prompt = press.new_prompt.having("motion", motion).of_film(_ratio(press.job, frame))
        self._film(press, recipes.animated(frame.art, _batch(prompt)), prompt)

    def _film(self, press: Press, recipe: Recipe, prompt: Prompt) -> None:
        job = self._from_press(Kind.VIDEO, press, recipe, GRID, prompt=prompt)
        job.motion = prompt.value("motion") or job.motion
        self._jobs.submit(job)

    def _imagined(self, interaction: Interaction, prompt: Prompt) -> Job:
        if not prompt.words and len(prompt.picture_links) < PICTURES_WITHOUT_WORDS:
            raise PromptRefused("Invalid prompt", "The prompt must hold words, or two or more images.")
        return self._job(Kind.IMAGINE, interaction, prompt, recipes.imagined(self._images(prompt)))

    def _filmed(self, interaction: Interaction, prompt: Prompt) -> Job:
        """Make the job of a prompt that asks for films. Source of the refusal: chatgpt-web-midjourney-proxy#657."""
        if not prompt.picture_links:
            raise PromptRefused("Invalid request", "No start frame provided")
        last_frame = LINK.fullmatch(prompt.value("end") or "")
        if last_frame:
            self.fetch(last_frame[1])
        first_frame = next(iter(self._images(prompt)), None)
        size = photo_size(first_frame) if first_frame else None
        prompt = prompt.of_film(ratio_text(*size) if size else prompt.value("ar") or "1:1")
        job = self._job(Kind.VIDEO, interaction, prompt, recipes.filmed(first_frame, _batch(prompt)))
        job.motion = prompt.value("motion") or job.motion
        return job

    def _submit(self, kind: Kind, press: Press, recipe: Recipe, verb: Verb) -> None:
        self._jobs.submit(self._from_press(kind, press, recipe, verb))

    def _from_press(
        self,
        kind: Kind,
        press: Press,
        recipe: Recipe | None,
        verb: Verb,
        *,
        prompt: Prompt | None = None,
        frames: tuple[Frame, ...] = (),
    ) -> Job:
        job = self._job(kind, press.interaction, prompt or press.new_prompt, recipe, verb, frames)
        job.parent, job.reply_to = press.job, press.interaction.message
        job.pressed, job.modal_id, job.motion = press.pressed, press.modal_id, press.job.motion
        return job

    def _job(
        self,
        kind: Kind,
        interaction: Interaction,
        prompt: Prompt,
        recipe: Recipe | None,
        verb: Verb = GRID,
        frames: tuple[Frame, ...] = (),
    ) -> Job:
        settings, job_id, options = self.settings(interaction), self._world.new_uuid(), self._world.options
        canvas = CANVASES[options.pictures]
        arts = recipe(job_id, prompt, canvas) if recipe else ()
        return Job(
            id=job_id,
            kind=kind,
            channel=interaction.channel,
            bot=BOTS[interaction.application_id],
            prompt=prompt,
            mode=prompt.mode or settings.mode,
            stealth=settings.stealth if prompt.stealth is None else prompt.stealth,
            seed=int(prompt.value("seed") or self._world.random.randrange(MAX_SEED)),
            frames=frames or tuple(Frame(art, n, str(prompt), job_id) for n, art in enumerate(arts, start=1)),
            verb=verb,
            recipe=recipe,
            interaction=interaction,
            nonce=interaction.nonce,
            canvas=canvas,
            film_bytes=options.film_bytes,
            film_format=options.film_format,
            extend_names_pick=options.extend_names_pick,
            final_is_edit=self._either(options.final_message == "edit", is_random=options.final_message == "random"),
            final_has_nonce=self._either(bool(options.final_has_nonce), is_random=options.final_has_nonce is None),
        )

    def _either(self, chosen: bool, *, is_random: bool) -> bool:
        return self._world.random.random() < 0.5 if is_random else chosen

    def _images(self, prompt: Prompt) -> tuple[bytes, ...]:
        """Fetch the image prompts that the simulator can: its own links; nothing else is reachable."""
        contents = (self.fetch(link) for link in prompt.picture_links)
        return tuple(content for content in contents if content)

    def fetch(self, link: str) -> bytes | None:
        """Read a picture behind a link, short or not; None when it is not one of ours.

        Raises PromptRefused when it is ours but expired, or no picture.
        """
        url, own = self._links.resolve(link), self._world.files.base_url
        if not own or not url.startswith(own):
            return None
        content = self._world.fetch_picture(url)
        if content is None or photo_size(content) is None:
            raise PromptRefused("Invalid link", f"Could not fetch the image behind {link}")
        return content


def _ratio(job: Job, frame: Frame) -> str:
    """Return the ratio of one of a job's pictures: in the prompt's words where they are true, as sizes are rounded."""
    width, height = frame.art.size
    said = job.prompt.value("ar") or job.prompt.value(FILM_RATIO) or "1:1"
    is_true = abs(job.prompt.ratio - width / height) < RATIO_ROUNDING * job.prompt.ratio
    return said if is_true else ratio_text(width, height)


def _batch(prompt: Prompt) -> int:
    return int(prompt.value("bs") or VIDEOS_IN_A_BATCH)
