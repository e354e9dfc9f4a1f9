"""How a Task becomes an Interaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from midway.discord.event import ModalOpened, TextField
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, NIJI_APPLICATION_ID, ButtonPress, Command, Option
from midway.discord.port import Connection, UploadedFile
from midway.domain.action import Action, Bot, Speed
from midway.domain.ids import ChannelId, GuildId, InteractionId, JobId, MessageId
from midway.domain.image import InputImage
from midway.engine.commands import COMMANDS, prompt_as_sent
from midway.engine.interactions import FIELD_FALLBACK, ChannelRef, answer, mask_as_sent, prepare
from msgspec.structs import replace

from tests.support.pictures import plain_picture
from tests.unit.making import CHANNEL, JOB, a_task

PLACE = ChannelRef(GuildId("1"), CHANNEL)
RED = plain_picture("red")


@dataclass
class Shelf:
    """Takes uploads only; a plan asks its connection for nothing else."""

    posted: list[InputImage] = field(default_factory=list)

    async def upload(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[UploadedFile]:
        """Name the files by their place."""
        return [UploadedFile(f"{at}.png", f"kept/{at}.png") for at, _ in enumerate(images)]

    async def post_images(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[str]:
        """Name the links by their place."""
        self.posted += images
        return [f"https://cdn.invalid/{at}.png" for at, _ in enumerate(images)]


async def command_of(inputs: Sequence[InputImage] = (), shelf: Shelf | None = None, **ask: Any) -> Command:
    """Prepare a Task that begins with a command."""
    prepared = await prepare(a_task(**ask), inputs, cast(Connection, shelf or Shelf()), PLACE)
    assert isinstance(prepared.interaction, Command)
    return prepared.interaction


async def test_imagine_sends_its_prompt() -> None:
    command = await command_of()

    assert (command.name, command.options) == ("imagine", (Option("prompt", "a red fox"),))
    assert (command.application_id, command.guild_id, command.channel_id) == (MIDJOURNEY_APPLICATION_ID, "1", CHANNEL)


async def test_niji_has_its_own_application() -> None:
    assert (await command_of(bot=Bot.NIJI)).application_id == NIJI_APPLICATION_ID


async def test_pictures_come_before_links_before_words_before_the_speed() -> None:
    command = await command_of([RED], links=("https://elsewhere.invalid/1.png",), speed=Speed.TURBO)

    assert command.options[0].value == "https://cdn.invalid/0.png https://elsewhere.invalid/1.png a red fox --turbo"


async def test_pictures_that_lie_on_discord_already_are_not_posted_again() -> None:
    shelf = Shelf()
    task = replace(a_task(), input_urls=("https://cdn.invalid/before.png",))
    prepared = await prepare(task, [RED], cast(Connection, shelf), PLACE)

    assert shelf.posted == []
    assert prepared.urls == ("https://cdn.invalid/before.png",)


async def test_describe_names_its_file_by_number() -> None:
    command = await command_of([RED], action=Action.DESCRIBE)

    assert command.options == (Option("image", 0, 11),)
    assert command.files == (("0.png", "kept/0.png"),)


async def test_describe_of_a_link_needs_no_file() -> None:
    command = await command_of(action=Action.DESCRIBE, links=("https://elsewhere.invalid/1.png",))

    assert command.options == (Option("link", "https://elsewhere.invalid/1.png"),)


async def test_blend_names_every_file_and_its_dimensions() -> None:
    command = await command_of([RED, RED, RED], action=Action.BLEND, dimensions="3:2")

    assert [(option.name, option.value) for option in command.options] == [
        ("image1", 0),
        ("image2", 1),
        ("image3", 2),
        ("dimensions", "--ar 3:2"),
    ]


async def test_blend_without_dimensions_leaves_them_to_midjourney() -> None:
    command = await command_of([RED, RED], action=Action.BLEND)

    assert [option.name for option in command.options] == ["image1", "image2"]


async def test_show_names_the_job() -> None:
    assert (await command_of(action=Action.SHOW, show_job_id=JobId(JOB))).options == (Option("job_id", JOB),)


@pytest.mark.parametrize("action", COMMANDS)
async def test_a_button_is_pressed_where_it_is_whatever_the_action(action: Action) -> None:
    task = a_task(action=action, parent_message_id=MessageId("7"), parent_message_flags=64, custom_id="MJ::X")
    prepared = await prepare(task, (), cast(Connection, Shelf()), PLACE)

    assert prepared.interaction == ButtonPress(
        application_id=MIDJOURNEY_APPLICATION_ID,
        guild_id=GuildId("1"),
        channel_id=CHANNEL,
        message_id=MessageId("7"),
        message_flags=64,
        custom_id="MJ::X",
    )


@pytest.mark.parametrize(
    ("prompt", "speed", "sent"),
    [
        ("a fox", None, "a fox"),
        ("a fox --relax", None, "a fox --relax"),
        ("a fox --relax --ar 1:1", Speed.FAST, "a fox --ar 1:1 --fast"),
    ],
)
def test_the_wished_speed_is_the_only_one_sent(prompt: str, speed: Speed | None, sent: str) -> None:
    assert prompt_as_sent(a_task(prompt_en=prompt, speed=speed)) == sent


def modal(*fields: TextField, custom_id: str = "MJ::RemixModal::x") -> ModalOpened:
    """Make a modal."""
    return ModalOpened(InteractionId("1"), None, custom_id, "Remix", fields)


def test_a_modal_is_answered_in_its_own_fields() -> None:
    opened = modal(TextField("MJ::New::name", "as it was"), TextField("MJ::New::other", "kept"))
    submit = answer(a_task(modal_prompt="a blue fox"), opened, MIDJOURNEY_APPLICATION_ID, PLACE)

    assert submit.values == (("MJ::New::name", "a blue fox"), ("MJ::New::other", "kept"))
    assert (submit.modal_id, submit.custom_id) == ("1", "MJ::RemixModal::x")


def test_a_modal_that_nobody_expected_is_answered_as_it_was_filled() -> None:
    submit = answer(a_task(), modal(TextField("MJ::A::b", "as it was")), MIDJOURNEY_APPLICATION_ID, PLACE)

    assert submit.values == (("MJ::A::b", "as it was"),)


@pytest.mark.parametrize(("prefix", "name"), FIELD_FALLBACK.items())
def test_a_modal_whose_fields_could_not_be_read_is_answered_by_the_table(prefix: str, name: str) -> None:
    submit = answer(a_task(), modal(custom_id=f"{prefix}::1"), MIDJOURNEY_APPLICATION_ID, PLACE)

    assert submit.values == ((name, "a red fox"),)


def test_a_mask_is_sent_as_bare_base64() -> None:
    assert mask_as_sent(RED).startswith("iVBORw0KGgo")
