"""Builds a Task's Interactions.

The first is a slash command (`commands`), or a press of a button on the parent's message. `answer` builds the one that
answers a modal.
"""

import base64
from collections.abc import Sequence

from msgspec import Struct

from midway.discord.event import ModalOpened, TextField
from midway.discord.interaction import (
    MIDJOURNEY_APPLICATION_ID,
    NIJI_APPLICATION_ID,
    ButtonPress,
    Command,
    Interaction,
    ModalSubmit,
)
from midway.discord.port import Connection
from midway.domain.action import TRAITS, Bot
from midway.domain.ids import ChannelId, GuildId, MessageId
from midway.domain.image import InputImage
from midway.domain.prompt import with_speed
from midway.domain.task import Task
from midway.engine.commands import COMMANDS, Said, Uploads

APPLICATION_IDS: dict[Bot, str] = {Bot.MIDJOURNEY: MIDJOURNEY_APPLICATION_ID, Bot.NIJI: NIJI_APPLICATION_ID}
BOTS: dict[str, Bot] = {application_id: bot for bot, application_id in APPLICATION_IDS.items()}

# Modal custom id prefix -> custom id of the text field, for modals with unreadable fields. Source: discord-wire 1.6.
FIELD_FALLBACK: dict[str, str] = {
    "MJ::RemixModal": "MJ::RemixModal::new_prompt",
    "MJ::PanModal": "MJ::PanModal::prompt",
    "MJ::ImagineModal": "MJ::ImagineModal::new_prompt",
    "MJ::OutpaintCustomZoomModal": "MJ::OutpaintCustomZoomModal::prompt",
    "MJ::Picreader::Modal": "MJ::Picreader::Modal::PromptField",
    "MJ::AnimateModal": "MJ::AnimateModal::prompt",
}


class ChannelRef(Struct, frozen=True):
    """The server (None: direct messages) and channel of an Account."""

    guild_id: GuildId | None
    channel_id: ChannelId


class Prepared(Struct, frozen=True):
    """An Interaction ready to be sent, and links to its uploaded input pictures."""

    interaction: Interaction
    urls: tuple[str, ...] = ()


async def prepare(task: Task, inputs: Sequence[InputImage], connection: Connection, channel: ChannelRef) -> Prepared:
    """Upload the Task's pictures and build its first Interaction.

    Raises UploadFailed when Discord does not accept the pictures.
    """
    if task.ask.parent_message_id is not None:
        return Prepared(_press(task, task.ask.parent_message_id, channel))
    said = await COMMANDS[task.action].say(task, inputs, Uploads(connection, channel.channel_id))
    return Prepared(_command(task, channel, said), said.urls)


def answer(task: Task, modal: ModalOpened, application_id: str, channel: ChannelRef) -> ModalSubmit:
    """Return the answer to a modal: the client's prompt, or the prefilled text, in the first text field."""
    fields = modal.fields or (_fallback_field(modal.custom_id, task.final_prompt or task.ask.prompt_en),)
    given = task.ask.modal_prompt
    values = [(fields[0].custom_id, fields[0].value if given is None else with_speed(given, task.ask.speed))]
    values += [(other.custom_id, other.value) for other in fields[1:]]
    return ModalSubmit(
        application_id=application_id,
        channel_id=channel.channel_id,
        guild_id=channel.guild_id,
        modal_id=modal.id,
        custom_id=modal.custom_id,
        values=tuple(values),
    )


def mask_as_sent(mask: InputImage) -> str:
    """Encode a mask as bare base64, as Midjourney's inpaint page sends it."""
    return base64.b64encode(mask.data).decode()


def _fallback_field(custom_id: str, value: str) -> TextField:
    prefix = next((prefix for prefix in FIELD_FALLBACK if custom_id.startswith(prefix)), "")
    return TextField(FIELD_FALLBACK.get(prefix, f"{custom_id}::prompt"), value)


def _press(task: Task, message_id: MessageId, channel: ChannelRef) -> ButtonPress:
    return ButtonPress(
        application_id=APPLICATION_IDS[task.ask.bot],
        channel_id=channel.channel_id,
        guild_id=channel.guild_id,
        message_id=message_id,
        message_flags=task.ask.parent_message_flags,
        custom_id=task.ask.custom_id,
    )


def _command(task: Task, channel: ChannelRef, said: Said) -> Command:
    return Command(
        application_id=APPLICATION_IDS[task.ask.bot],
        channel_id=channel.channel_id,
        guild_id=channel.guild_id,
        name=TRAITS[task.action].command,
        options=said.options,
        files=tuple((file.filename, file.uploaded_filename) for file in said.files),
    )
