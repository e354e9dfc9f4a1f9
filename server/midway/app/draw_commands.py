"""Commands that make a Task and follow it to its picture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.descriptor import EnumDescriptor
from midjourney.v1 import input_pb2, submit_pb2, task_pb2

from midway.app.client import Client
from midway.app.settings import load_settings
from midway.app.task_result import finish, finish_batch

Niji = Annotated[bool, typer.Option("--niji", help="Let the niji・journey bot draw.")]
SpeedName = Annotated[str, typer.Option("--speed", help="fast, relax or turbo; default: as the account is set.")]
AccountName = Annotated[str, typer.Option("--account", help="Id of the account that must do it.")]
Out = Annotated[Path, typer.Option("--out", help="Directory for the picture.", file_okay=False)]
PictureName = Annotated[str, typer.Argument(help="A picture file, or an http(s) link.", metavar="PICTURE")]
HERE = Path()


_commands: list[Callable[..., None]] = []


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in _commands:
        app.command()(command)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function a command of this group."""
    _commands.append(function)
    return function


@contextmanager
def connected() -> Iterator[Client]:
    """Open a client for the server that the settings name."""
    settings = load_settings()
    key = settings.api_keys[0].get_secret_value() if settings.api_keys else ""
    with Client.connected(settings.server_address, key) as client:
        yield client


@command
def imagine(
    prompt: Annotated[str, typer.Argument(help="What to draw, with Midjourney's --parameters.")],
    image: Annotated[list[str] | None, typer.Option("--image", help="A picture to draw from; may be repeated.")] = None,
    niji: Niji = False,
    speed: SpeedName = "",
    account: AccountName = "",
    out: Out = HERE,
) -> None:
    """Draw a grid of four pictures; with --repeat or {a, b}, one for each job."""
    images = [picture_from(name) for name in image or ()]
    request = submit_pb2.SubmitImagineRequest(prompt=prompt, images=images, options=options(niji, speed, account))
    with connected() as client:
        finish_batch(client, client.submit(request), out)


@command
def describe(
    picture: PictureName, niji: Niji = False, speed: SpeedName = "", account: AccountName = "", out: Out = HERE
) -> None:
    """Find prompts for a picture."""
    request = submit_pb2.SubmitDescribeRequest(image=picture_from(picture), options=options(niji, speed, account))
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def blend(
    pictures: Annotated[list[str], typer.Argument(help="Two to five picture files or links.", metavar="PICTURE...")],
    dimensions: Annotated[str, typer.Option(help="portrait, square or landscape.")] = "square",
    niji: Niji = False,
    speed: SpeedName = "",
    account: AccountName = "",
    out: Out = HERE,
) -> None:
    """Mix two to five pictures."""
    number = chosen(input_pb2.Dimensions.DESCRIPTOR, dimensions, "--dimensions")
    request = submit_pb2.SubmitBlendRequest(
        images=[picture_from(name) for name in pictures],
        dimensions=input_pb2.Dimensions.ValueType(number),
        options=options(niji, speed, account),
    )
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def shorten(
    prompt: Annotated[str, typer.Argument(help="The prompt to shorten.")],
    niji: Niji = False,
    account: AccountName = "",
    out: Out = HERE,
) -> None:
    """Find the words that matter in a prompt."""
    request = submit_pb2.SubmitShortenRequest(prompt=prompt, options=options(niji, "", account))
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def show(
    job: Annotated[str, typer.Argument(help="Midjourney's id of a job that the account made, a UUID.")],
    niji: Niji = False,
    account: AccountName = "",
    out: Out = HERE,
) -> None:
    """Bring a job back by Midjourney's id."""
    request = submit_pb2.SubmitShowRequest(job_id=job, options=options(niji, "", account))
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def video(  # noqa: PLR0913, PLR0917 - one parameter an option
    prompt: Annotated[str, typer.Argument(help="What happens; may be left out.")] = "",
    image: Annotated[str, typer.Option(help="The first frame: a picture file or link.")] = "",
    task: Annotated[str, typer.Option(help="Id of a finished task whose picture is the first frame.")] = "",
    index: Annotated[int, typer.Option(help="Which picture of a grid, or which film of several, 1 to 4.")] = 0,
    extend: Annotated[bool, typer.Option("--extend", help="Go on with the film of --task.")] = False,
    motion: Annotated[str, typer.Option(help="low or high; default: low.")] = "",
    end: Annotated[str, typer.Option(help="The last frame: a picture file or link, or `loop`.")] = "",
    batch: Annotated[int, typer.Option(help="How many films to choose from: 1, 2 or 4.")] = 0,
    niji: Niji = False,
    speed: SpeedName = "",
    account: AccountName = "",
    out: Out = HERE,
) -> None:
    """Make a short film that begins with a picture, or extend one."""
    number = chosen(input_pb2.Motion.DESCRIPTOR, motion, "--motion") if motion else input_pb2.MOTION_UNSPECIFIED
    request = submit_pb2.SubmitVideoRequest(
        prompt=prompt,
        image=picture_from(image, "--image") if image else None,
        task_id=task,
        index=index,
        extend=extend,
        motion=input_pb2.Motion.ValueType(number),
        end_image=picture_from(end, "--end") if end not in {"", "loop"} else None,
        loop=end == "loop",
        batch_size=batch,
        options=options(niji, speed, account),
    )
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def press(
    task: Annotated[str, typer.Argument(help="Id of a finished task.")],
    label: Annotated[str, typer.Argument(help="The button's label, such as U2, or its emoji or custom id.")],
    prompt: Annotated[str | None, typer.Option(help="Answers the modal that the button may open.")] = None,
    mask: Annotated[Path | None, typer.Option(help="PNG for Vary (Region): white is drawn anew.", exists=True)] = None,
    out: Out = HERE,
) -> None:
    """Press a button of a finished task."""
    request = submit_pb2.SubmitActionRequest(task_id=task, prompt=prompt)
    if mask:
        request.mask.data = mask.read_bytes()
    with connected() as client:
        finish_batch(client, client.press(request, label), out)


@command
def answer(
    task: Annotated[str, typer.Argument(help="Id of a task that waits for input.")],
    prompt: Annotated[str, typer.Argument(help="Text for the modal; empty: its own.")] = "",
    mask: Annotated[Path | None, typer.Option(help="PNG for Vary (Region): white is drawn anew.", exists=True)] = None,
    out: Out = HERE,
) -> None:
    """Answer the modal of a task that waits for input."""
    request = submit_pb2.SubmitModalRequest(task_id=task, prompt=prompt)
    if mask:
        request.mask.data = mask.read_bytes()
    with connected() as client:
        finish(client, client.submit(request), out)


@command
def watch(task: Annotated[str, typer.Argument(help="Id of a task.")], out: Out = HERE) -> None:
    """Follow a task to its end and save its picture."""
    with connected() as client:
        finish(client, client.task(task), out)


def options(niji: bool, speed: str, account: str) -> input_pb2.SubmitOptions:
    """Build the options that every Submit has."""
    bot_type = task_pb2.BOT_TYPE_NIJI if niji else task_pb2.BOT_TYPE_MIDJOURNEY
    number = chosen(task_pb2.Speed.DESCRIPTOR, speed, "--speed") if speed else task_pb2.SPEED_UNSPECIFIED
    return input_pb2.SubmitOptions(bot_type=bot_type, speed=task_pb2.Speed.ValueType(number), account_id=account)


def chosen(enum: EnumDescriptor, name: str, option: str) -> int:
    """Find an enum's value by its name without the prefix, in any case. Raises typer.BadParameter."""
    values = {value.name.rpartition("_")[2].lower(): value.number for value in enum.values if value.number}
    if name.lower() not in values:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(values)}", param_hint=option)
    return values[name.lower()]


def picture_from(name: str, option: str = "PICTURE") -> input_pb2.InputImage:
    """Use a link as it is, and read a file. Raises typer.BadParameter if the file cannot be read."""
    if name.startswith(("http://", "https://")):
        return input_pb2.InputImage(url=name)
    try:
        return input_pb2.InputImage(data=Path(name).read_bytes())
    except OSError as err:
        raise typer.BadParameter(f"{name}: {err.strerror}", param_hint=option) from err
