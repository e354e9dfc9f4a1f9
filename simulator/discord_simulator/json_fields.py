"""Sets fields of dataclasses from JSON, by name."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from .json_types import Json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BadChange(ValueError):
    """The JSON names a field that does not exist, or a value that the field cannot have."""


def set_fields(target: DataclassInstance, values: Json, *, only: frozenset[str] | None = None) -> None:
    """Set the named fields, of those in `only` where it is given; raises BadChange before anything is set."""
    for name, value in converted_fields(type(target), values, only=only).items():
        setattr(target, name, value)


def converted_fields(kind: type[DataclassInstance], values: Json, *, only: frozenset[str] | None = None) -> Json:
    """Turn JSON into values for fields of a dataclass; raises BadChange for a field or a type that it has not."""
    if not isinstance(values, dict):
        raise BadChange(f"{kind.__name__} is changed by an object, not by {values!r}")
    known = {field.name for field in fields(kind)} & (only or values.keys())
    if unknown := values.keys() - known:
        raise BadChange(f"{kind.__name__} has no {sorted(unknown)}; it has: {', '.join(sorted(_names(kind, only)))}")
    hints = get_type_hints(kind)
    return {name: _fit(name, hints[name], value) for name, value in values.items()}


def _names(kind: type[DataclassInstance], only: frozenset[str] | None) -> frozenset[str]:
    return only or frozenset(field.name for field in fields(kind))


def _fit(name: str, hint: Any, value: object) -> object:
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as err:
        raise BadChange(f"{name}: {err}") from err
