"""What a Task that stands on its own must bring: one row of `ADMISSIONS` for each such Action."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from midway.domain.action import Action
from midway.domain.errors import InvalidField, TooLong
from midway.domain.ids import JOB_ID
from midway.domain.image import InputImage
from midway.domain.prompt import without_choices
from midway.domain.task import Ask
from midway.engine.dispatch import BLEND_DIMENSIONS
from midway.engine.limits import Limits
from midway.engine.wording import Worded, Wording

BLEND_IMAGES = range(2, 6)  # Midjourney mixes two to five

# Returns the Ask of each Task to make, with its prompt and description filled in; raises InvalidField naming what is
# wrong.
Admission = Callable[[Ask, Sequence[InputImage], Wording, Limits], Awaitable[list[Ask]]]


def check_lengths(ask: Ask, limits: Limits) -> None:
    """Refuse texts that are only echoed or called when they are longer than the old API took. Raises TooLong."""
    for field, text, most in (
        ("options.client_state", ask.client_state, limits.max_client_state_characters),
        ("options.notify_url", ask.notify_url, limits.max_notify_url_characters),
    ):
        if len(text) > most:
            raise TooLong(field, len(text), most)


async def _imagine(ask: Ask, inputs: Sequence[InputImage], wording: Wording, limits: Limits) -> list[Ask]:
    if len(inputs) + len(ask.links) > limits.max_input_images:
        raise InvalidField("images", f"at most {limits.max_input_images} pictures are taken")
    jobs = await wording.jobs(ask.prompt, "prompt")
    links = sum(len(without_choices(link)) + 1 for link in ask.links)  # they stand before the words
    length = links + max(len(job.english) for job in jobs)
    if length > limits.max_prompt_characters:
        most = limits.max_prompt_characters
        raise InvalidField("prompt", f"has {length} characters with its links, at most {most} are taken")
    return [_said(ask, "/imagine", job) for job in jobs]


async def _shorten(ask: Ask, _inputs: Sequence[InputImage], wording: Wording, _limits: Limits) -> list[Ask]:
    worded = Worded(ask.prompt.strip(), await wording.english(ask.prompt, "prompt"))
    return [_said(ask, "/shorten", worded)]


def _said(ask: Ask, command: str, worded: Worded) -> Ask:
    return replace(ask, prompt=worded.prompt, prompt_en=worded.english, description=f"{command} {worded.prompt}")


async def _describe(ask: Ask, inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if len(inputs) + len(ask.links) != 1:
        raise InvalidField("image", "exactly one picture or link must be given")
    return [replace(ask, description="/describe")]


async def _blend(ask: Ask, inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if len(inputs) not in BLEND_IMAGES:
        raise InvalidField("images", f"{len(inputs)} pictures were given; 2 to 5 can be blended")
    if ask.dimensions and ask.dimensions not in BLEND_DIMENSIONS:
        raise InvalidField("dimensions", f"must be one of {', '.join(BLEND_DIMENSIONS)}")
    return [replace(ask, description=f"/blend {len(inputs)}")]


async def _show(ask: Ask, _inputs: Sequence[InputImage], _wording: Wording, _limits: Limits) -> list[Ask]:
    if not ask.show_job_id or not JOB_ID.fullmatch(ask.show_job_id):
        raise InvalidField("job_id", "must be the UUID of a Midjourney job")
    return [replace(ask, description=f"/show {ask.show_job_id}")]


ADMISSIONS: dict[Action, Admission] = {
    Action.IMAGINE: _imagine,
    Action.SHORTEN: _shorten,
    Action.DESCRIBE: _describe,
    Action.BLEND: _blend,
    Action.SHOW: _show,
}
