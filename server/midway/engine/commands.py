"""The bot's slash commands: how each Action's Ask is checked, and how its command is built.

`COMMANDS` has one row for each Action whose `Traits` name a command. All other Actions press a button (`buttons`).
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from midway.discord.interaction import Option
from midway.discord.port import Connection, UploadedFile
from midway.domain.action import Action, Motion
from midway.domain.errors import InvalidField, TooLong
from midway.domain.ids import JOB_ID, ChannelId
from midway.domain.image import InputImage
from midway.domain.prompt import (
    has_parameter,
    leading_links,
    with_parameter,
    with_speed,
    without_choices,
    without_parameter,
)
from midway.domain.task import END_IMAGE, Ask, Task
from midway.engine.limits import Limits
from midway.engine.wording import Worded, Wording

BLEND_IMAGES = range(2, 6)  # Midjourney mixes two to five
BLEND_DIMENSIONS = {"2:3": "--ar 2:3", "1:1": "--ar 1:1", "3:2": "--ar 3:2"}
VIDEO_BATCHES = (1, 2, 4)
ATTACHMENT_OPTION = 11  # Discord's option type; its value is the index of the file


class Said(Struct, frozen=True):
    """A command as sent to Discord: its options, the uploaded files that they name, and links to input pictures."""

    options: tuple[Option, ...]
    files: tuple[UploadedFile, ...] = ()
    urls: tuple[str, ...] = ()


class Uploads(Struct, frozen=True):
    """Uploads pictures to the Account's channel. Its methods raise UploadFailed."""

    connection: Connection
    channel_id: ChannelId

    async def files(self, inputs: Sequence[InputImage]) -> tuple[UploadedFile, ...]:
        """Upload pictures for use as attachments of a command."""
        return tuple(await self.connection.upload(self.channel_id, inputs))

    async def links(self, inputs: Sequence[InputImage]) -> tuple[str, ...]:
        """Post pictures as messages; return their links, in order."""
        return tuple(await self.connection.post_images(self.channel_id, inputs)) if inputs else ()


# Returns an Ask for each Task to make, with prompt and description filled in. Raises InvalidField naming the field.
Check = Callable[[Ask, Sequence[InputImage], Wording, Limits], Awaitable[list[Ask]]]
# Uploads the pictures and builds the command. Raises UploadFailed.
Say = Callable[[Task, Sequence[InputImage], Uploads], Awaitable[Said]]


class Command(Struct, frozen=True):
    """How a command's Ask is checked, and how the command is built."""

    check: Check
    say: Say


def check_lengths(ask: Ask, limits: Limits) -> None:
    """Refuse a client state or notify URL that is longer than the old API allowed. Raises TooLong."""
    for field, text, most in (
        ("options.client_state", ask.client_state, limits.max_client_state_characters),
        ("options.notify_url", ask.notify_url, limits.max_notify_url_characters),
    ):
        if len(text) > most:
            raise TooLong(field, len(text), most)


def prompt_as_sent(task: Task, urls: Sequence[str] = ()) -> str:
    """Return the prompt option as Discord gets it: picture links first, the speed flag last."""
    links = map(without_choices, task.ask.links)
    return with_speed(" ".join([*urls, *links, task.ask.prompt_en]).strip(), task.ask.speed)


def links_as_shown(task: Task) -> list[str]:
    """Return one link for each uploaded picture that stands before the words, in whatever form the bot shows it."""
    before = task.ask.image_count - (task.ask.video.end == END_IMAGE)
    return ["https://picture"] * before


async def _check_imagine(ask: Ask, inputs: Sequence[InputImage], wording: Wording, limits: Limits) -> list[Ask]:
    if len(inputs) + len(ask.links) > limits.max_input_images:
        raise InvalidField("images", f"at most {limits.max_input_images} pictures are taken")
    jobs = await wording.jobs(ask.prompt, "prompt")
    _check_with_links(max((job.english for job in jobs), key=len), ask.links, limits)
    return [_said(ask, "/imagine", job) for job in jobs]


def _check_with_links(english: str, links: Sequence[str], limits: Limits) -> None:
    """Refuse a prompt that is too long together with its links."""
    length = sum(len(without_choices(link)) + 1 for link in links) + len(english)
    if length > limits.max_prompt_characters:
        most = limits.max_prompt_characters
        raise InvalidField("prompt", f"has {length} characters with its links, at most {most} are taken")


def _said(ask: Ask, command: str, worded: Worded) -> Ask:
    description = f"{command} {worded.prompt}".strip()
    return replace(ask, prompt=worded.prompt, prompt_en=worded.english, description=description)


async def _say_imagine(task: Task, inputs: Sequence[InputImage], uploads: Uploads) -> Said:
    urls = task.input_urls or await uploads.links(inputs)
    return Said((Option("prompt", prompt_as_sent(task, urls)),), urls=urls)


async def _check_video(ask: Ask, inputs: Sequence[InputImage], wording: Wording, limits: Limits) -> list[Ask]:
    video = ask.video
    _check_first_frame(ask, len(inputs) - (video.end == END_IMAGE))
    if video.batch_size not in {0, *VIDEO_BATCHES}:
        raise InvalidField("batch_size", f"must be one of {', '.join(map(str, VIDEO_BATCHES))}")
    words = await wording.english(ask.prompt, "prompt", may_be_empty=True)
    english = with_parameter(words, "video", "1")
    if video.motion or not has_parameter(english, "motion"):
        english = with_parameter(english, "motion", video.motion or Motion.LOW)
    if video.batch_size:
        english = with_parameter(english, "bs", str(video.batch_size))
    if video.end:
        english = without_parameter(without_parameter(english, "loop"), "end")
    if video.end and video.end != END_IMAGE:
        english = with_parameter(english, "end", without_choices(video.end))
    _check_with_links(english, ask.links, limits)
    return [_said(ask, "/video", Worded(ask.prompt.strip(), english))]


def _check_first_frame(ask: Ask, files: int) -> None:
    """Refuse a film that begins with no picture, or with several: a file, a link, a Task's, or one in the prompt."""
    given, in_prompt = files + len(ask.links) + (ask.parent_id is not None), leading_links(ask.prompt)
    if given + in_prompt == 0:
        raise InvalidField("image", "must be given: a picture, a link, or a finished task's picture")
    if given and in_prompt:
        raise InvalidField("prompt", "must not begin with a link when the first frame is given otherwise")
    if given > 1:
        raise InvalidField("image", "must not be given beside another first frame")
    if in_prompt > 1:
        raise InvalidField("prompt", "must not begin with several links: a film begins with one picture")


async def _say_video(task: Task, inputs: Sequence[InputImage], uploads: Uploads) -> Said:
    urls = task.input_urls or await uploads.links(inputs)
    if task.ask.video.end != END_IMAGE:
        return Said((Option("prompt", prompt_as_sent(task, urls)),), urls=urls)
    *first, end = urls
    return Said((Option("prompt", with_parameter(prompt_as_sent(task, first), "end", end)),), urls=urls)


async def _check_shorten(ask: Ask, _inputs: Sequence[InputImage], wording: Wording, _limits: Limits) -> list[Ask]:
    worded = Worded(ask.prompt.strip(), await wording.english(ask.prompt, "prompt"))
    return [_said(ask, "/shorten", worded)]


async def _say_shorten(task: Task, _inputs: Sequence[InputImage], _uploads: Uploads) -> Said:
    return Said((Option("prompt", prompt_as_sent(task)),))


async def _check_describe(ask: Ask, inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if len(inputs) + len(ask.links) != 1:
        raise InvalidField("image", "exactly one picture or link must be given")
    return [replace(ask, description="/describe")]


async def _say_describe(task: Task, inputs: Sequence[InputImage], uploads: Uploads) -> Said:
    if task.ask.links:
        return Said((Option("link", task.ask.links[0]),))
    return Said((Option("image", 0, ATTACHMENT_OPTION),), await uploads.files(inputs[:1]))


async def _check_blend(ask: Ask, inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if len(inputs) not in BLEND_IMAGES:
        raise InvalidField("images", f"{len(inputs)} pictures were given; 2 to 5 can be blended")
    if ask.dimensions and ask.dimensions not in BLEND_DIMENSIONS:
        raise InvalidField("dimensions", f"must be one of {', '.join(BLEND_DIMENSIONS)}")
    return [replace(ask, description=f"/blend {len(inputs)}")]


async def _say_blend(task: Task, inputs: Sequence[InputImage], uploads: Uploads) -> Said:
    files = await uploads.files(inputs)
    images = [Option(f"image{index + 1}", index, ATTACHMENT_OPTION) for index in range(len(files))]
    dimensions = BLEND_DIMENSIONS.get(task.ask.dimensions)
    return Said((*images, Option("dimensions", dimensions)) if dimensions else tuple(images), files)


async def _check_show(ask: Ask, _inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if not ask.show_job_id or not JOB_ID.fullmatch(ask.show_job_id):
        raise InvalidField("job_id", "must be the UUID of a Midjourney job")
    return [replace(ask, description=f"/show {ask.show_job_id}")]


async def _say_show(task: Task, _inputs: Sequence[InputImage], _uploads: Uploads) -> Said:
    return Said((Option("job_id", task.ask.show_job_id),))


COMMANDS: dict[Action, Command] = {
    Action.IMAGINE: Command(_check_imagine, _say_imagine),
    Action.VIDEO: Command(_check_video, _say_video),
    Action.SHORTEN: Command(_check_shorten, _say_shorten),
    Action.DESCRIBE: Command(_check_describe, _say_describe),
    Action.BLEND: Command(_check_blend, _say_blend),
    Action.SHOW: Command(_check_show, _say_show),
}
