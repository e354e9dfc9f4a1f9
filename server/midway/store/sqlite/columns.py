"""Values as SQLite columns."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def integer_from_time(time: datetime) -> int:
    """Return microseconds since 1970, exact, so that stored times sort as numbers."""
    return (time - EPOCH) // _MICROSECOND


def time_from_integer(microseconds: int) -> datetime:
    """Return the aware UTC time."""
    return EPOCH + microseconds * _MICROSECOND
