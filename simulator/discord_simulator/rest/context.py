"""What every handler needs from a request: the world, whose token it carries, what its path names, its JSON."""

from __future__ import annotations

import orjson
from aiohttp import web

from discord_simulator.entities import Account, Channel, Message
from discord_simulator.errors import (
    BadJson,
    BotsRefused,
    MissingAccess,
    MissingPermissions,
    Unauthorized,
    Unknown,
    VerificationRequired,
)
from discord_simulator.json_types import Json
from discord_simulator.users import Access
from discord_simulator.world import Bot, World

from .form import Form

API = "/api{version:(?:/v(?:6|7|8|9|10))?}"  # without a version, Discord uses the oldest one that still works
WORLD = web.AppKey("world", World)
BOT: web.AppKey[Bot] = web.AppKey("bot", Bot)
FOR_USERS = frozenset(
    {
        "ack",
        "command_index",
        "command_index_of",
        "command_index_of_application",
        "country_code",
        "interactions",
        "open_dm",
        "profile",
        "search_channel",
        "search_commands",
        "search_guild",
    }
)  # names of routes that bots cannot use


def account_of(request: web.Request, *, verified: bool = False) -> Account:
    """Find the account, or the listener, whose token the request carries.

    Raises Unauthorized for an unknown or revoked token; VerificationRequired where `verified` and it is not;
    BotsRefused and MissingPermissions where a listener has no business.
    """
    account = request.app[WORLD].account_by_authorization(request.headers.get("Authorization", ""))
    if account is None or account.access is Access.REVOKED:
        raise Unauthorized
    if account.user.bot and request.match_info.route.name in FOR_USERS:
        raise BotsRefused
    if account.user.bot and request.method not in ("GET", "HEAD"):
        raise MissingPermissions
    if verified and account.access is Access.UNVERIFIED:
        raise VerificationRequired
    return account


def channel_of(request: web.Request, account: Account) -> Channel:
    """Find the channel in the path."""
    return find_channel(request.app[WORLD], account, path_id(request, "channel"))


def path_id(request: web.Request, key: str) -> str:
    """Read an id in the path; raises InvalidForm for anything else."""
    form = Form({f"{key}_id": request.match_info[key]})
    return form.need(f"{key}_id", form.snowflake)


def message_of(request: web.Request, account: Account) -> Message:
    """Find the message in the path; an ephemeral one has no address."""
    message = channel_of(request, account).messages.get(path_id(request, "message"))
    if message is None:
        raise Unknown("Message")
    return message


def find_channel(world: World, account: Account, channel_id: str) -> Channel:
    """Find one of the account's channels; raises MissingAccess for another account's, Unknown if there is none."""
    if channel := account.channels.get(channel_id):
        return channel
    if world.channel(channel_id):
        raise MissingAccess
    raise Unknown("Channel")


async def read_body(request: web.Request) -> bytes:
    """Read the body whole; raises BadJson when it cannot be decompressed."""
    try:
        return await request.read()
    except web.RequestPayloadError as err:
        raise BadJson from err


async def json_body(request: web.Request) -> Json:
    """Read the body as a JSON object."""
    return json_object(await read_body(request))


def json_object(content: bytes | bytearray | str) -> Json:
    """Parse a JSON object; raises BadJson for anything else."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as err:
        raise BadJson from err
    if not isinstance(body, dict):
        raise BadJson
    return body


def objects(value: object) -> list[Json]:
    """Read a list of JSON objects from a body; any other value counts as absent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
