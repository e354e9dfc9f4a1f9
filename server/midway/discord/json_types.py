"""Tolerant access to Discord's JSON, in which any key may be missing or null."""

from collections.abc import Iterable
from typing import Any

Raw = dict[str, Any]

LARGEST_NUMBER = 2**31 - 1  # for sizes, flags, colours and types: the contract's int32
LONGEST_SNOWFLAKE = 20  # digits of 64 bits


def objects(value: object) -> Iterable[Raw]:
    """Yield the objects in a list of objects; nothing if the value is null, absent or not a list."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def inner(raw: Raw, key: str) -> Raw:
    """Return the object under a key, or an empty one if it is null, absent or not an object."""
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def text(raw: Raw, key: str) -> str:
    """Return the value under a key as text; "" when it is null or absent."""
    value = raw.get(key)
    return "" if value is None else str(value)


def number(raw: Raw, key: str) -> int:
    """Return the integer under a key; 0 if it is null, absent, not an integer, negative or too large."""
    value = raw.get(key)
    return value if type(value) is int and 0 <= value <= LARGEST_NUMBER else 0


def snowflake(raw: Raw, key: str) -> str:
    """Return the snowflake under a key as a decimal string; "" if it is null, absent or not a snowflake."""
    value = text(raw, key)
    return value if value.isascii() and value.isdecimal() and len(value) <= LONGEST_SNOWFLAKE else ""
