"""What Discord checks of an interaction before it answers 204."""

from __future__ import annotations

from collections.abc import Callable

from discord_simulator.commands import ATTACHMENT, STRING, Command
from discord_simulator.entities import (
    COMMAND,
    COMPONENT,
    EPHEMERAL,
    MODAL_SUBMIT,
    SUB_COMMAND,
    Account,
    Channel,
    Interaction,
    Message,
    Modal,
)
from discord_simulator.errors import InvalidForm, OutdatedCommand, Unknown
from discord_simulator.json_types import Json
from discord_simulator.world import World

from .bodies import Files
from .context import find_channel
from .form import Form
from .interaction_data import command_data, component_data, modal_data
from .uploads import files_of

MAX_NONCE_CHARACTERS = 25
MAX_STRING_CHARACTERS = 6_000
NOBODY = ""  # a session id that no session has
BUTTON, SELECT = 2, 3  # component types
VALUE_TYPES: dict[int, type] = {STRING: str}  # by option type
FIRST_COMMAND_ID = 780_000_000_000_000_000  # of November 2020: what is older was there before slash commands were
_DATA: dict[int, Callable[[Form], Json]] = {
    COMMAND: command_data,
    COMPONENT: component_data,
    MODAL_SUBMIT: modal_data,
}


def accept(world: World, account: Account, form: Form, files: Files) -> Interaction:
    """Turn a request body into an interaction, or raise the DiscordError that it deserves.

    An accepted nonce is used up, and so is a submitted modal.
    """
    channel = find_channel(world, account, form.need("channel_id", form.snowflake))
    kind = _check_frame(world, form, channel)
    data = form.need("data", form.child)
    interaction = Interaction(
        id=world.ids.next(),
        nonce=read_nonce(form),
        type=kind,
        account=account,
        application_id=form.need("application_id", form.snowflake),
        channel=channel,
        session_id=_session(world, account, form.values),
        data=_DATA[kind](data),
    )
    if kind == COMMAND:
        _check_command(world, interaction, data, files)
    elif kind == COMPONENT:
        _check_component(interaction, form)
    else:
        _check_modal_submit(world, interaction)
    world.nonces.add(interaction.nonce or "")
    return interaction


def _check_frame(world: World, form: Form, channel: Channel) -> int:
    """Check what all three types have in common; return the type."""
    kind = form.need("type", form.number)
    if kind not in _DATA:
        raise form.error("type", "BASE_TYPE_CHOICES", f"Value must be one of {tuple(_DATA)}.")
    if form.need("application_id", form.snowflake) not in {bot.id for bot in channel.bots}:
        raise Unknown("Application")
    if (form.snowflake("guild_id") if form.values.get("guild_id") else None) != channel.guild_id:
        raise form.error("guild_id", "CHANNEL_NOT_IN_GUILD", "The channel is not in this guild")
    _check_nonce(world, read_nonce(form) or "")
    return kind


def _session(world: World, account: Account, body: Json) -> str | None:
    """Read which session is to receive the interaction's events; the field may be absent, or name an unknown one."""
    session_id = body.get("session_id")
    if session_id is not None and (not isinstance(session_id, str) or not session_id):
        raise InvalidForm("session_id", "BASE_TYPE_BAD_TYPE", "Not a well formed session id.")
    if session_id in {session.id for session in world.sessions.of(account)}:
        return session_id
    return NOBODY if world.options.require_known_session else None


def read_nonce(form: Form) -> str | None:
    """Read the nonce of an interaction or message; some clients send a number."""
    if isinstance(form.values.get("nonce"), int):
        return form.snowflake("nonce")
    return form.text("nonce", longest=MAX_NONCE_CHARACTERS) or None


def _check_nonce(world: World, nonce: str) -> None:
    if nonce and world.options.unique_nonces and nonce in world.nonces:
        raise InvalidForm("nonce", "NONCE_ALREADY_USED", "This nonce was used before")


def _check_command(world: World, interaction: Interaction, form: Form, files: Files) -> None:
    data = interaction.data
    command = world.commands.find(interaction.application_id, data["id"])
    if command is None and int(data["id"]) < FIRST_COMMAND_ID:
        raise Unknown("Application Command")
    if command is None or command.name != data["name"]:
        raise OutdatedCommand(OutdatedCommand.COMMAND)
    if data["version"] != command.version:
        raise OutdatedCommand(OutdatedCommand.VERSION)
    interaction.uploads = files_of(form, files, world.uploads)
    _check_options(interaction, command)


def _check_options(interaction: Interaction, command: Command) -> None:
    given = {option["name"]: option for option in interaction.data["options"]}
    known = {option.name: option for option in command.options}
    if unknown := given.keys() - known.keys():
        raise InvalidForm("data.options", "UNKNOWN_OPTION", f"Unknown options: {sorted(unknown)}")
    for name, option in known.items():
        if option.required and name not in given:
            raise InvalidForm(f"data.options.{name}", "BASE_TYPE_REQUIRED", "This field is required")
        if name in given:
            _check_option(interaction, given[name], option.type, [value for _, value in option.choices])


def _check_option(interaction: Interaction, given: Json, wanted_type: int, choices: list[str]) -> None:
    path, value = f"data.options.{given['name']}", given.get("value")
    if given["type"] != wanted_type:
        raise InvalidForm(path, "OPTION_TYPE_MISMATCH", f"Option type must be {wanted_type}")
    if wanted_type == SUB_COMMAND:
        return
    if wanted_type == ATTACHMENT:
        if interaction.upload(value) is None:
            raise InvalidForm(path, "ATTACHMENT_NOT_FOUND", "The option names no attachment")
        return
    if not isinstance(value, VALUE_TYPES[wanted_type]) or (choices and value not in choices):
        raise InvalidForm(path, "BASE_TYPE_BAD_VALUE", "The value does not fit the option")
    if isinstance(value, str) and len(value) > MAX_STRING_CHARACTERS:
        raise InvalidForm(path, "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_STRING_CHARACTERS} or fewer in length.")


def _check_component(interaction: Interaction, form: Form) -> None:
    message = _find_message(interaction, form)
    component = message.component(interaction.data["custom_id"]) if message else None
    if message is None or component is None:
        raise Unknown("Message")
    if message.author.id != interaction.application_id:
        raise Unknown("Message")
    if component.get("disabled") or interaction.data["component_type"] != component["type"]:
        raise InvalidForm("data.component_type", "COMPONENT_VALIDATION_FAILED", "Component validation failed")
    if component["type"] == SELECT:
        _check_values(interaction, {option["value"] for option in component.get("options") or ()})
    interaction.message = message


def _find_message(interaction: Interaction, form: Form) -> Message | None:
    """Find the message that holds the component; an ephemeral one only by the flags it was shown with."""
    channel, message_id = interaction.channel, form.need("message_id", form.snowflake)
    if message_id in channel.messages:
        return channel.messages[message_id]
    message = channel.ephemeral.get(message_id)
    if message is None or not (form.number("message_flags") or 0) & EPHEMERAL:
        return None
    return message


def _check_values(interaction: Interaction, offered: set[str]) -> None:
    if not interaction.values or not offered.issuperset(interaction.values):
        raise InvalidForm("data.values", "BASE_TYPE_CHOICES", "The menu does not offer this value")


def _check_modal_submit(world: World, interaction: Interaction) -> None:
    modal = world.modals.get(interaction.data["id"])
    if modal is None or modal.opened_by.account is not interaction.account:
        raise Unknown("Interaction")
    if not interaction.custom_id:
        raise InvalidForm("data.custom_id", "BASE_TYPE_REQUIRED", "This field is required")
    _check_fields(interaction, modal)
    interaction.modal, interaction.message = modal, modal.opened_by.message
    del world.modals[modal.opened_by.id]


def _check_fields(interaction: Interaction, modal: Modal) -> None:
    fields = [field for row in modal.components for field in row.get("components", [])]
    if unknown := interaction.fields.keys() - {field["custom_id"] for field in fields}:
        raise InvalidForm("data.components", "COMPONENT_VALIDATION_FAILED", f"Unknown fields: {sorted(unknown)}")
    for field in fields:
        length = len(interaction.fields.get(field["custom_id"], ""))
        if (field.get("required", True) and not length) or length > field.get("max_length", 4000):
            raise InvalidForm(
                "data.components", "COMPONENT_VALIDATION_FAILED", f"{field['custom_id']} has a bad length"
            )
