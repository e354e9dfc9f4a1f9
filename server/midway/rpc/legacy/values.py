"""Lenient reading of old clients' values: numbers as strings, blanks as unset, bots and speeds in any spelling."""

from collections.abc import Sequence

from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_request_pb2 as requests

from midway.domain.account import Account
from midway.domain.action import Bot, Speed
from midway.domain.ids import AccountId
from midway.rpc.interceptors import Context

LONGEST_NUMBER = 18  # digits that fit into 64 bits; Python itself refuses to parse thousands of them
MODE_HEADER = "x-mj-mode"  # set by Envoy from the path's prefix; Envoy removes a client's own
_NIJI_NAMES = frozenset({"niji", "niji_journey"})


def text_from(value: Value) -> str:
    """Read a text that may have been sent as a number; "" for null or a missing value."""
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return str(int(number)) if number.is_integer() else str(number)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case _:
            return ""


def is_nested(value: Value) -> bool:
    """Tell whether an object or array was sent in place of a scalar."""
    return value.WhichOneof("kind") in {"struct_value", "list_value"}


def number_from(value: Value, default: int) -> int | None:
    """Read an integer that may have been sent as text; None if it is not one or is too long; `default` if missing."""
    if is_nested(value):
        return None
    text = text_from(value).strip()
    if not text:
        return default
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def bot_from(name: str) -> Bot:
    """Return the bot of this name; everything that is not a name of niji's means Midjourney."""
    return Bot.NIJI if name.strip().lower() in _NIJI_NAMES else Bot.MIDJOURNEY


def path_speed(context: Context) -> Speed | None:
    """Return the speed that the path's prefix asks for."""
    values = (value for name, value in context.invocation_metadata() or () if name == MODE_HEADER)
    return speed_from(str(next(values, "")))


def speed_from(mode: str) -> Speed | None:
    """Return the speed of that name, in any case; None for any other text."""
    return {speed.value: speed for speed in Speed}.get(mode.strip().lower())


def filter_speed(wanted: requests.AccountFilter) -> Speed | None:
    """Return the first speed of a filter; None if it has none or the first is unknown."""
    return speed_from(wanted.modes[0]) if wanted.modes else None


def filter_remix(wanted: requests.AccountFilter) -> bool | None:
    """Tell whether to wait for input when Remix asks for a prompt; None if the client does not say."""
    if wanted.remix_auto_considered:
        return False
    return True if wanted.remix else None


def filter_account(wanted: requests.AccountFilter, accounts: Sequence[Account]) -> AccountId | None:
    """Return the Account that a filter names by id or channel; an unknown name is returned too, and refused later."""
    name = wanted.instance_id.strip()
    known = (account.id for account in accounts if name in {account.id, account.channel_id})
    return next(known, AccountId(name)) if name else None
