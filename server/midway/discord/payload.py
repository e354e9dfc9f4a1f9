"""The body of POST /interactions for each kind of Interaction.

Built here, because the library's own code makes colliding nonces. Source: discord-wire 1.3 to 1.6.
"""

from typing import Any

import orjson

from midway.discord.command_index import SUB_COMMAND, CommandDefinition
from midway.discord.component import BUTTON, LABEL, ROW, TEXT_INPUT
from midway.discord.interaction import ButtonPress, Command, ModalSubmit, Option
from midway.discord.json_types import Raw
from midway.domain.ids import Nonce

COMMAND = 2  # Discord's types of interaction
COMPONENT = 3
MODAL = 5


def command_payload(command: Command, definition: CommandDefinition) -> Raw:
    """Return the body for a slash command."""
    data = {
        "id": definition.id,
        "version": definition.version,
        "name": definition.name,
        "type": 1,  # a command typed into the chat
        "options": [_option(option) for option in command.options],
        "attachments": [
            {"id": str(index), "filename": filename, "uploaded_filename": uploaded}
            for index, (filename, uploaded) in enumerate(command.files)
        ],
        "application_command": definition.raw,
    }
    return {"type": COMMAND, **_place(command), "data": data, "analytics_location": "slash_ui"}


def press_payload(press: ButtonPress) -> Raw:
    """Return the body for a press of a button."""
    return {
        "type": COMPONENT,
        **_place(press),
        "message_id": press.message_id,
        "message_flags": press.message_flags,
        "data": {"component_type": BUTTON, "custom_id": press.custom_id},
    }


def modal_payload(submit: ModalSubmit, labelled: frozenset[str]) -> Raw:
    """Return the body for a modal's submit; fields whose custom id is in `labelled` go into a label, not a row."""
    fields = [_label(*value) if value[0] in labelled else _row(*value) for value in submit.values]
    data = {"id": submit.modal_id, "custom_id": submit.custom_id, "components": fields}
    return {"type": MODAL, **_place(submit), "data": data}


def request_options(payload: Raw, *, session_id: str, nonce: Nonce) -> dict[str, Any]:
    """Return the library's request options: commands are sent as a form, as by Discord's own client, others as JSON."""
    whole = payload | {"session_id": session_id, "nonce": nonce}
    if payload["type"] == COMMAND:
        return {"form": [{"name": "payload_json", "data": orjson.dumps(whole)}]}
    return {"json": whole}


def _place(interaction: Command | ButtonPress | ModalSubmit) -> Raw:
    place: Raw = {"application_id": interaction.application_id, "channel_id": interaction.channel_id}
    return place | ({"guild_id": interaction.guild_id} if interaction.guild_id else {})


def _option(option: Option) -> Raw:
    answer: Raw = {"options": []} if option.type == SUB_COMMAND else {"value": option.value}
    return {"type": option.type, "name": option.name, **answer}


def _row(custom_id: str, value: str) -> Raw:
    return {"type": ROW, "components": [_field(custom_id, value)]}


def _label(custom_id: str, value: str) -> Raw:
    return {"type": LABEL, "component": _field(custom_id, value)}


def _field(custom_id: str, value: str) -> Raw:
    return {"type": TEXT_INPUT, "custom_id": custom_id, "value": value}
