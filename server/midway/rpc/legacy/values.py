"""Lenient reading of what old clients send: numbers for texts, blanks for nothing, any spelling of bots and speeds."""

from collections.abc import Sequence

from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_request_pb2 as requests

from midway.domain.account import Account
from midway.domain.action import Bot, Speed
from midway.domain.ids import AccountId
from midway.rpc.interceptors import Context

LONGEST_NUMBER = 18  # digits, as many as 64 bits hold; Python itself refuses to read thousands of them
MODE_HEADER = "x-mj-mode"  # set by Envoy from the path's prefix; it removes what a client sends
_NIJI_NAMES = frozenset({"niji", "niji_journey"})


def text_from(value: Value) -> str:
    """Read a text that may have come as a number; "" for null and nothing."""
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
    """Tell whether an object or an array came where one value is meant; it can be read as none."""
    return value.WhichOneof("kind") in {"struct_value", "list_value"}


def number_from(value: Value, default: int) -> int | None:
    """Read a whole number that may have come as text; None when it is none, or one that nothing here can mean."""
    if is_nested(value):
        return None
    text = text_from(value).strip()
    if not text:
        return default
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def bot_from(name: str) -> Bot:
    """Return the bot by any of its names; whatever is none of niji's means Midjourney."""
    return Bot.NIJI if name.strip().lower() in _NIJI_NAMES else Bot.MIDJOURNEY


def path_speed(context: Context) -> Speed | None:
    """Return the speed that the path's prefix asks for."""
    values = (value for name, value in context.invocation_metadata() or () if name == MODE_HEADER)
    return speed_from(str(next(values, "")))


def speed_from(mode: str) -> Speed | None:
    """Return the speed of that name in any case; None for every other text."""
    return {speed.value: speed for speed in Speed}.get(mode.strip().lower())


def filter_speed(wanted: requests.AccountFilter) -> Speed | None:
    """Return the first speed of a filter."""
    return speed_from(wanted.modes[0]) if wanted.modes else None


def filter_remix(wanted: requests.AccountFilter) -> bool | None:
    """Tell whether to wait where Remix asks for a prompt; None when the client does not mind."""
    if wanted.remix_auto_considered:
        return False
    return True if wanted.remix else None


def filter_account(wanted: requests.AccountFilter, accounts: Sequence[Account]) -> AccountId | None:
    """Return the Account that a filter names by its id or its channel; an unknown name is left to be refused."""
    name = wanted.instance_id.strip()
    known = (account.id for account in accounts if name in {account.id, account.channel_id})
    return next(known, AccountId(name)) if name else None
