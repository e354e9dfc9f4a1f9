"""The shape of JSON that Discord sends: objects whose keys may come, go or hold null without notice."""

from collections.abc import Iterable
from typing import Any

Raw = dict[str, Any]

LARGEST_NUMBER = 2**31 - 1  # of sizes, flags, colours and kinds; what the contract's fields hold
LONGEST_SNOWFLAKE = 20  # digits of 64 bits


def objects(value: object) -> Iterable[Raw]:
    """Yield the objects in what should be a list of objects; nothing when it is null, absent or something else."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def inner(raw: Raw, key: str) -> Raw:
    """Return the object under a key, or an empty one when it is null, absent or something else."""
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def text(raw: Raw, key: str) -> str:
    """Return the value under a key as text; "" when it is null or absent."""
    value = raw.get(key)
    return "" if value is None else str(value)


def number(raw: Raw, key: str) -> int:
    """Return the integer under a key; 0 when it is null, absent, no integer, or none that Discord counts with."""
    value = raw.get(key)
    return value if type(value) is int and 0 <= value <= LARGEST_NUMBER else 0


def snowflake(raw: Raw, key: str) -> str:
    """Return the id under a key, whose upper bits are a time; "" when it is null, absent or no id."""
    value = text(raw, key)
    return value if value.isascii() and value.isdecimal() and len(value) <= LONGEST_SNOWFLAKE else ""
