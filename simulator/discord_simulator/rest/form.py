"""One object of a request's body, or its query, read by the rules that Discord's forms have."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from discord_simulator.errors import InvalidForm
from discord_simulator.json_types import Json

MAX_DIGITS = 20  # of a number in a string: 64 bits, and a sign
INT64 = 1 << 63
SHOWN_CHARACTERS = 100  # of a wrong value, in the error about it
TRUE, FALSE = (True, "true", "True", "1"), (False, "false", "False", "0")

Value = TypeVar("Value")


class Form:
    """Reads fields by the type that they must have. `null` counts as absent.

    Of an absent field a reader gives None, `flag` False, and a reader of lists an empty one.
    Every reader raises InvalidForm with the field's whole path when something else stands there.
    """

    def __init__(self, values: Json, path: str = "") -> None:
        self.values = values
        self._path = path

    def need(self, key: str, read: Callable[[str], Value | None]) -> Value:
        """Read a field that must be there: `form.need("type", form.number)`."""
        value = read(key)
        if value is None:
            raise self.error(key, "BASE_TYPE_REQUIRED", "This field is required")
        return value

    def text(self, key: str, *, longest: int | None = None) -> str | None:
        """Read a string."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, "STRING_TYPE_CONVERT", f'Could not interpret "{_shown(value)}" as string.')
        if value is not None and longest is not None and len(value) > longest:
            raise self.error(key, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
        return value

    def number(self, key: str, *, lowest: int = -INT64, highest: int = INT64 - 1) -> int | None:
        """Read a whole number; a string of digits is one, too."""
        value = self.values.get(key)
        if value is None:
            return None
        number = _whole(value)
        if number is None:
            raise self.error(key, "NUMBER_TYPE_COERCE", f'Value "{_shown(value)}" is not int.')
        if number < lowest:
            raise self.error(key, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {lowest}.")
        if number > highest:
            raise self.error(key, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {highest}.")
        return number

    def snowflake(self, key: str) -> str | None:
        """Read an id, written as a string or as a number."""
        value = self.values.get(key)
        if value is None:
            return None
        number = _whole(value)
        if number is None or not 0 <= number < INT64:
            raise self.error(key, "NUMBER_TYPE_COERCE", f'Value "{_shown(value)}" is not snowflake.')
        return str(number)

    def flag(self, key: str) -> bool:
        """Read a truth value; absent is false."""
        value = self.values.get(key)
        if value is None or value in FALSE:
            return False
        if value not in TRUE:
            raise self.error(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return True

    def child(self, key: str) -> Form | None:
        """Read an object."""
        value = self.values.get(key)
        return None if value is None else _form(value, self.path(key))

    def children(self, key: str) -> list[Form]:
        """Read a list of objects; absent is empty."""
        return [_form(item, self.path(f"{key}.{index}")) for index, item in enumerate(self._items(key))]

    def texts(self, key: str) -> list[str]:
        """Read a list of strings; absent is empty."""
        return self._each(key, Form.text)

    def snowflakes(self, key: str) -> list[str]:
        """Read a list of ids; absent is empty."""
        return self._each(key, Form.snowflake)

    def path(self, key: str) -> str:
        """Name a field as errors do."""
        return f"{self._path}.{key}" if self._path else key

    def error(self, key: str, code: str, message: str) -> InvalidForm:
        """Make the refusal of one field."""
        return InvalidForm(self.path(key), code, message)

    def _each(self, key: str, read: Callable[[Form, str], Value | None]) -> list[Value]:
        items = Form({str(index): item for index, item in enumerate(self._items(key))}, self.path(key))
        return [items.need(index, lambda name: read(items, name)) for index in items.values]

    def _items(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is not None and not isinstance(value, list):
            raise self.error(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return value or []


def _form(value: object, path: str) -> Form:
    if not isinstance(value, dict):
        raise InvalidForm(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    return Form(value, path)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and len(value) <= MAX_DIGITS and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _shown(value: object) -> str:
    """Shorten a wrong value for an error; a value from a URL may contain bytes that are not UTF-8."""
    shown = reprlib.repr(value) if isinstance(value, (dict, list)) else str(value)  # which may be nested deeply
    return shown[:SHOWN_CHARACTERS].encode(errors="replace").decode()
