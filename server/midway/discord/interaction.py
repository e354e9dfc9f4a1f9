"""Interactions as values: a slash command, a button press, a select, a modal submit."""

from msgspec import Struct

from midway.domain.ids import ChannelId, GuildId, InteractionId, MessageId

MIDJOURNEY_APPLICATION_ID = "936929561302675456"
NIJI_APPLICATION_ID = "1022952195194359889"
BOT_NAMES = {MIDJOURNEY_APPLICATION_ID: "Midjourney bot", NIJI_APPLICATION_ID: "niji・journey bot"}


class Option(Struct, frozen=True):
    """One option of a command.

    `type` is Discord's: 1 sub-command, 3 string, 11 attachment (`value` is then the index of the file).
    """

    name: str
    value: str | int | None
    type: int = 3


class Command(Struct, frozen=True, kw_only=True):
    """A slash command by name; its id and version are looked up when it is sent.

    `files` are (filename, uploaded_filename).
    """

    application_id: str
    channel_id: ChannelId
    guild_id: GuildId | None
    name: str
    options: tuple[Option, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


class ButtonPress(Struct, frozen=True, kw_only=True):
    """A press of a button on a message that still exists."""

    application_id: str
    channel_id: ChannelId
    guild_id: GuildId | None
    message_id: MessageId
    message_flags: int
    custom_id: str


class ModalSubmit(Struct, frozen=True, kw_only=True):
    """The answer to a modal.

    `values` are (text field's custom id, value). `modal_id` is the opening Interaction's id.
    """

    application_id: str
    channel_id: ChannelId
    guild_id: GuildId | None
    modal_id: InteractionId
    custom_id: str
    values: tuple[tuple[str, str], ...] = ()


Interaction = Command | ButtonPress | ModalSubmit
