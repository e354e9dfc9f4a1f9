"""/describe: four prompts for a picture, read from its colours, its light and its shape.

Source: discord-wire §2.4 (f): the loading message itself becomes the result.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import partial
from random import Random
from urllib.parse import quote_plus

from PIL import Image, ImageColor, ImageStat

from ..attachments import ATTACHMENT_SCHEME, KeptPicture, Picture
from ..entities import LOADING, Interaction, Message
from ..json_types import Json
from ..snowflake import Ids
from ..world import World
from . import modals
from .action_queue import ActionQueue
from .answers import Answer, NotUnderstood
from .components import DIGITS, describe_rows
from .embeds import SUCCESS
from .job_creation import JobCreator
from .photos import checked_photo, ratio_text
from .prompt import PromptRefused
from .replies import reply

SECONDS = (5.0, 15.0)  # Source: discord-wire §7.4
SUBJECTS = ("a quiet composition", "a layered scene", "an abstract study", "a poster", "a still life", "a landscape")
STYLES = ("soft focus", "bold flat shapes", "in the style of a screen print", "fine grain", "studio lighting")
STYLE = re.compile("|".join(STYLES))
BASIC_COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "gray",
)
Seen = tuple[tuple[str, ...], KeptPicture | None]  # four prompts, and the copy that the answer shows


@dataclass
class Subject:
    """The subject of a describe message: the picture's bytes, if we have them, and the descriptions given so far."""

    name: str
    content: bytes | None  # None: a link to somewhere else, which is never followed
    link: str | None
    looks: int = 0
    prompts: tuple[str, ...] = ()
    actions: ActionQueue = field(default_factory=ActionQueue)  # of its answers


class Describer:
    """Handles the command and the buttons under its answers."""

    def __init__(self, world: World, creator: JobCreator) -> None:
        self._world = world
        self._creator = creator
        self._subjects: dict[str, Subject] = {}  # by message id

    def clear(self) -> None:
        """Forget every answer given."""
        self._subjects.clear()

    def command(self, interaction: Interaction) -> Answer:
        """Answer /describe."""
        subject = self._subject(interaction)
        return Answer(partial(self._begin, interaction, subject))

    def press(self, interaction: Interaction, choice: str) -> Answer:
        """Answer a button: `1` to `4`, `all`, or `retry`."""
        message, subject = self._asked(interaction)
        if choice == "retry":
            return Answer(partial(self._look_soon, message, subject))
        if choice == "all":
            return Answer(partial(self._imagine_all, interaction, message, subject))
        number = int(choice)
        return modals.opening(self._world, interaction, modals.description_id(number), subject.prompts[number - 1])

    def _asked(self, interaction: Interaction) -> tuple[Message, Subject]:
        message = interaction.message
        subject = self._subjects.get(message.id) if message else None
        if message is None or subject is None or not subject.prompts:
            raise NotUnderstood(interaction.custom_id)
        return message, subject

    def _subject(self, interaction: Interaction) -> Subject:
        options = interaction.options
        if "image" in options:
            upload = interaction.upload(options["image"])
            if upload is None:
                raise PromptRefused("Invalid image", "The image was not uploaded.")
            return Subject(upload.filename, checked_photo(upload.content, upload.filename), None)
        link = str(options.get("link", ""))
        if not link.startswith(("https://", "http://")):
            raise PromptRefused("Invalid link", "Describe needs an image or a link to one.")
        return Subject("image.png", self._creator.fetch(link), link)

    def _begin(self, interaction: Interaction, subject: Subject) -> None:
        message = reply(self._world, interaction, flags=LOADING)
        self._subjects[message.id] = subject
        self._look_soon(message, subject)

    def _look_soon(self, message: Message, subject: Subject) -> None:
        self._world.clock.call_later(self._world.random.uniform(*SECONDS), self._look, message, subject)

    def _look(self, message: Message, subject: Subject) -> None:
        """Write four new descriptions into the message, after analysing the picture in a thread."""
        subject.looks += 1
        key, ids = f"{subject.link or subject.name}#{subject.looks}", self._world.ids.reserve(1)
        seen = self._world.drawing_pool.draw(partial(self._see, subject, key))
        subject.actions.add_drawn(seen, partial(self._tell, message, subject, ids))

    def _see(self, subject: Subject, key: str) -> Seen:
        picture = self._world.files.keep(_kept_picture(subject)) if subject.content else None
        return descriptions(subject.content, key), picture

    def _tell(self, message: Message, subject: Subject, ids: Ids, seen: Seen) -> None:
        subject.prompts, picture = seen
        image = {"url": ATTACHMENT_SCHEME + picture.filename if picture else subject.link}
        shown = map(_linked, subject.prompts) if self._world.options.describe_links else subject.prompts
        lines = (f"{digit} {prompt}" for digit, prompt in zip(DIGITS, shown, strict=False))
        embed: Json = {"description": "\n\n".join(lines), "color": SUCCESS, "image": image}
        pictures = [picture] if picture else []
        self._world.edit(message, ids=ids, flags=0, embeds=[embed], components=describe_rows(), attachments=pictures)

    def _imagine_all(self, interaction: Interaction, message: Message, subject: Subject) -> None:
        for text in subject.prompts:
            self._creator.imagine(interaction, self._creator.read(interaction, text), message)


def descriptions(content: bytes | None, key: str) -> tuple[str, ...]:
    """Make four prompts: what is seen if there is something to see, in words that vary with the key."""
    random = Random(key)
    colour, light, ratio = _seen(content) if content else (random.choice(BASIC_COLOURS), "evenly lit", "1:1")
    subjects, styles = random.sample(SUBJECTS, 4), random.sample(STYLES, 4)
    return tuple(
        f"{subject} in {colour}, {light}, {style} --ar {ratio}" for subject, style in zip(subjects, styles, strict=True)
    )


def _linked(prompt: str) -> str:
    """Make links to a search of what is named in a prompt, as the bot does with artists and styles."""
    return STYLE.sub(lambda found: f"[{found[0]}](https://goo.gl/search?{quote_plus(found[0])})", prompt)


def _seen(content: bytes) -> tuple[str, str, str]:
    """Look at a picture: its main colour, how bright it is, its aspect ratio."""
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGB")
    mean = tuple(ImageStat.Stat(image.resize((64, 64))).mean)
    colour = min(BASIC_COLOURS, key=lambda name: _distance(ImageColor.getrgb(name), mean))
    brightness = sum(mean) / 3
    light = "dark and moody" if brightness < 85 else "bright and airy" if brightness > 170 else "evenly lit"
    return colour, light, ratio_text(image.width, image.height)


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _kept_picture(subject: Subject) -> Picture:
    """Make the copy that the answer shows."""
    content = subject.content or b""
    with Image.open(io.BytesIO(content)) as image:
        content_type = Image.MIME.get(image.format or "PNG", "image/png")
        return Picture(subject.name, content_type, content, *image.size, ephemeral=True)
