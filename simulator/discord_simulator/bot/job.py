"""One Midjourney job: what was asked for, by which interaction, and where its messages are."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field
from enum import StrEnum, auto

from ..attachments import KeptPicture, Picture
from ..entities import Account, Channel, Interaction, Message
from ..json_types import Json
from ..users import Mode, User
from . import components
from .action_queue import ActionQueue
from .art import SMALL, Art, Canvas
from .content import GRID, Heading, Verb
from .frames import Frame
from .picture_files import PreviewStyle, preview_picture, result_picture
from .prompt import Prompt
from .recipes import Recipe
from .video import REAL_FILM, SMALL_FILM, FilmFormat, moving_picture, video_picture

INDEX_IN_BUTTON = re.compile(r"::([1-4])::")


class Kind(StrEnum):
    """What a job makes; the journal's `job_kind`."""

    IMAGINE = auto()
    BLEND = auto()
    VARIATION = auto()
    REGION = auto()
    ZOOM = auto()
    PAN = auto()
    UPSCALE = auto()
    PICK = auto()
    VIDEO = auto()
    VIDEO_PICK = auto()

    @property
    def is_pick(self) -> bool:
        """Whether it is a pick of one result: done at once, without a slot and without cost."""
        return self in (Kind.PICK, Kind.VIDEO_PICK)


class Stage(StrEnum):
    """How far a job is."""

    CREATED = auto()
    QUEUED = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(eq=False)
class Job:
    """Made by JobCreator and moved on by Jobs; JobMessages notes its messages here, JobPictures its picture."""

    id: str
    kind: Kind
    channel: Channel
    bot: User
    prompt: Prompt
    mode: Mode
    stealth: bool
    seed: int
    frames: tuple[Frame, ...]
    verb: Verb = GRID
    recipe: Recipe | None = None  # None: nothing to reroll
    interaction: Interaction | None = None
    nonce: str | None = None  # for the message that starts it
    parent: Job | None = None
    reply_to: Message | None = None  # the message whose button was pressed
    pressed: str | None = None  # that button's custom id
    modal_id: str | None = None  # the modal that asked for it; its reroll opens the same one
    motion: str = "low"  # of a video
    canvas: Canvas = SMALL
    film_bytes: int = 0  # what a video weighs at least
    film_format: FilmFormat = "mp4"
    extend_names_pick: bool = True
    final_is_edit: bool = False  # the progress message becomes the result
    final_has_nonce: bool = False
    stage: Stage = Stage.CREATED
    is_cancelled: bool = False  # Cancel Job was pressed: nothing planned for it happens any more
    progress: Message | None = None
    result: Message | None = None
    actions: ActionQueue = field(default_factory=ActionQueue)  # what it posts, in the order of its schedule
    drawing: asyncio.Future[KeptPicture] | None = None  # of the result
    step_due: int = -1  # the latest percent that is due
    ends_at: float = math.inf  # the event loop's time

    @property
    def account(self) -> Account:
        return self.channel.account

    @property
    def heading(self) -> Heading:
        return Heading(str(self.prompt), self.account.user.id, self.verb, self.mode, self.stealth)

    @property
    def is_video(self) -> bool:
        return self.kind in (Kind.VIDEO, Kind.VIDEO_PICK)

    @property
    def is_extension(self) -> bool:
        """Whether it extends a film that was picked."""
        return self.kind is Kind.VIDEO and self.parent is not None and self.parent.kind is Kind.VIDEO_PICK

    def art(self, index: int) -> Art:
        """Return one of the four, or the only one whatever the index."""
        return self.frame(index).art

    def frame(self, index: int) -> Frame:
        """Return one of the four, or the only one whatever the index."""
        return self.frames[index - 1] if len(self.frames) >= index else self.frames[0]

    def title(self) -> str:
        """Return the text of the message that carries the result."""
        match self.kind:
            case Kind.PICK:
                return self.heading.pick(self.frames[0].index)
            case Kind.VIDEO:
                return self.heading.film(self.id)
            case _:
                return self.heading.done()

    def announcement(self) -> str:
        """Return the bot's text before the prompt when it accepts the job; "" for a plain imagine."""
        index = self.parent and self.pressed and INDEX_IN_BUTTON.search(self.pressed)
        image = f" image #{index[1]}" if index else ""
        match self.kind:
            case Kind.VIDEO:
                return "Creating video with prompt "
            case Kind.VARIATION:
                return f"Making variations for{image} with prompt "
            case Kind.UPSCALE:
                return f"Upscaling{image} with "
            case _:
                return "Rerolling " if self.parent and "::reroll::" in (self.pressed or "") else ""

    def buttons(self) -> list[Json]:
        """Return the rows under the result."""
        match self.kind:
            case Kind.PICK:
                return components.single_rows(self.id, self.prompt.version)
            case Kind.UPSCALE:
                return components.upscaled_rows(self.id, self.prompt.version)
            case Kind.VIDEO:
                return components.video_grid_rows(self.id, len(self.frames))
            case Kind.VIDEO_PICK:
                return components.video_rows(self.id, self.frames[0].index if self.extend_names_pick else 1)
            case _:
                return components.grid_rows(self.id)

    def picture(self) -> Picture:
        """Draw the result."""
        if self.is_video:
            film = REAL_FILM if self.canvas.is_detailed else SMALL_FILM
            if self.film_format == "webp" and self.kind is Kind.VIDEO:
                return moving_picture(self.frames, job_id=self.id, motion=self.motion, film=film)
            return video_picture(
                self.frames, job_id=self.id, motion=self.motion, film=film, least_bytes=self.film_bytes
            )
        return result_picture(self.frames, username=self.account.user.username, prompt=str(self.prompt), job_id=self.id)

    def preview(self, percent: int, step: int, style: PreviewStyle) -> Picture:
        """Draw how far it is."""
        return preview_picture(self.frames, job_id=self.id, percent=percent, step=step, style=style)
