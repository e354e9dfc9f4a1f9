"""The `data` of an interaction, read with every nested field checked; the rest of the code need not check again."""

from __future__ import annotations

from collections.abc import Sequence

from discord_simulator.json_types import Json

from .form import Form

MAX_CUSTOM_ID_CHARACTERS = 100
MAX_NESTING = 3  # of options: a group, its sub-command, its options


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
