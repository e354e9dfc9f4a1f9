"""The nested objects of request bodies, checked all through: what comes out of here may be used without a look."""

from __future__ import annotations

from collections.abc import Container, Sequence

from discord_simulator.entities import Upload
from discord_simulator.json_types import Json
from discord_simulator.uploads import Uploads, resolve_uploads

from .bodies import Files
from .form import Form

MAX_CUSTOM_ID_CHARACTERS = 100
MAX_NESTING = 3  # of options: a group, its sub-command, its options


def files_of(form: Form, files: Files, uploads: Uploads, *, known: Container[str] = ()) -> list[Upload]:
    """Find the files of a command or message: those that it lists, or else all that came with it.

    `known` are the ids of attachments that an edited message has already.
    """
    listed = [_attachment(item) for item in form.children("attachments")]
    new = [item for item in listed if item["id"] not in known]
    came = [{"id": file_id, "filename": part.filename} for file_id, part in files.items()]
    return resolve_uploads(uploads, new if listed else came, {name: part.content for name, part in files.items()})


def _attachment(form: Form) -> Json:
    return {
        "id": form.snowflake("id"),
        "filename": form.text("filename"),
        "uploaded_filename": form.text("uploaded_filename"),
    }


def command_data(form: Form) -> Json:
    """Read the `data` of a command."""
    return {
        "id": form.need("id", form.snowflake),
        "version": form.need("version", form.snowflake),
        "name": form.need("name", form.text),
        "type": form.number("type") or 1,
        "options": _options(form.children("options")),
    }


def _options(forms: Sequence[Form], depth: int = 1) -> list[Json]:
    return [_option(form, depth) for form in forms]


def _option(form: Form, depth: int) -> Json:
    value = form.values.get("value")
    if isinstance(value, (list, dict)):
        raise form.error("value", "BASE_TYPE_BAD_TYPE", "The value of an option is a string, a number or a truth value")
    option = {"type": form.need("type", form.number), "name": form.need("name", form.text)}
    nested = form.children("options")
    if nested and depth == MAX_NESTING:
        raise form.error("options", "BASE_TYPE_MAX_LENGTH", "Must be 0 or fewer in length.")
    return option | ({} if value is None else {"value": value}) | {"options": _options(nested, depth + 1)}


def component_data(form: Form) -> Json:
    """Read the `data` of a press or a choice."""
    return {
        "component_type": form.need("component_type", form.number),
        "custom_id": form.need("custom_id", lambda key: form.text(key, longest=MAX_CUSTOM_ID_CHARACTERS)),
        "values": form.texts("values"),
    }


def modal_data(form: Form) -> Json:
    """Read the `data` of a modal's submit; rows hold fields as `components`, labels one as `component`."""
    rows = ([*row.children("components"), row.child("component")] for row in form.children("components"))
    return {
        "id": form.need("id", form.snowflake),
        "custom_id": form.need("custom_id", form.text),
        "components": [{"components": [_field(field) for field in row if field]} for row in rows],
    }


def _field(form: Form) -> Json:
    return {"custom_id": form.need("custom_id", form.text), "value": form.text("value") or ""}
