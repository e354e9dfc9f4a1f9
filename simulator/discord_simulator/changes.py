"""Setting fields of the world's dataclasses from JSON, by name."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING

from .json_types import Json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BadChange(ValueError):
    """The JSON names a field that does not exist, or a value that it cannot have."""


def change(target: DataclassInstance, values: Json, *, only: frozenset[str] | None = None) -> None:
    """Set the named fields, of those in `only` where it is given; raises BadChange before anything is set."""
    known = {field.name for field in fields(target)} & (only or values.keys())
    if unknown := values.keys() - known:
        raise BadChange(f"{type(target).__name__} has no {sorted(unknown)}")
    fitting = {name: _fit(getattr(target, name), value) for name, value in values.items()}
    for name, value in fitting.items():
        setattr(target, name, value)


def _fit(present: object, value: object) -> object:
    """Turn a word into the enum that stands there now; leave everything else."""
    if not isinstance(present, StrEnum):
        return value
    try:
        return type(present)(str(value))
    except ValueError as err:
        raise BadChange(str(err)) from err
