"""Values as SQLite columns."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FARTHEST = 2**53  # microseconds before or after EPOCH (285 years); stored times within it can be added to
_MICROSECOND = timedelta(microseconds=1)


def integer_from_time(time: datetime) -> int:
    """Return exact microseconds since 1970, so that stored times sort as numbers."""
    return (time - EPOCH) // _MICROSECOND


def time_from_integer(microseconds: int) -> datetime:
    """Return the aware UTC time."""
    return EPOCH + microseconds * _MICROSECOND


def text_or_bytes(raw: bytes) -> str | bytes:
    """Return a TEXT value; one that is not UTF-8 stays bytes, as SQLite's own error would look like a disk error."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def of_type(kind: type[T], value: Any) -> T:
    """Return a column's value; raise ValueError when it is of another type. Text that is not UTF-8 is bytes."""
    if not isinstance(value, kind):
        raise ValueError(f"{type(value).__name__} in the place of {kind.__name__}")  # noqa: TRY004 - bad stored data, not a wrong call
    return value


def stored_time(value: Any) -> datetime:
    """Return the time in a column; raise ValueError when it is not an integer within FARTHEST."""
    microseconds = of_type(int, value)
    if abs(microseconds) > FARTHEST:
        raise ValueError("a time out of range")
    return time_from_integer(microseconds)
