"""What every handler needs from a request: the world, whose token it carries, which channel it names."""

from __future__ import annotations

import orjson
from aiohttp import BodyPartReader, MultipartReader, StreamReader, web

from discord_simulator.accounts import Access, Account, Channel
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
from discord_simulator.world import Bot, World

WORLD = web.AppKey("world", World)
BOT: web.AppKey[Bot] = web.AppKey("bot", Bot)
FOR_USERS = frozenset(
    {"ack", "command_index", "command_index_of", "country_code", "interactions", "open_dm"}
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
    return find_channel(request.app[WORLD], account, request.match_info["channel"])


def find_channel(world: World, account: Account, channel_id: str) -> Channel:
    """Find one of the account's channels; raises MissingAccess for another's, Unknown for nobody's."""
    if channel := account.channels.get(channel_id):
        return channel
    if world.channel(channel_id):
        raise MissingAccess
    raise Unknown("Channel")


async def json_body(request: web.Request) -> Json:
    """Read the body as a JSON object."""
    return json_object(await request.read())


def json_object(content: bytes | bytearray | str) -> Json:
    """Parse a JSON object; raises BadJson for anything else."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as err:
        raise BadJson from err
    if not isinstance(body, dict):
        raise BadJson
    return body


async def body_and_parts(request: web.Request) -> tuple[Json, dict[str, bytes]]:
    """Read a JSON body, or a multipart one with `payload_json` and files; Discord takes either everywhere."""
    if not request.content_type.startswith("multipart/"):
        return await json_body(request), {}
    parts: dict[str, bytes] = {}
    reader = MultipartReader(request.headers, _stream_of(request, await request.read()))
    while isinstance(part := await reader.next(), BodyPartReader):
        parts[part.name or ""] = bytes(await part.read())
    return json_object(parts.pop("payload_json", b"")), parts


def _stream_of(request: web.Request, body: bytes) -> StreamReader:
    """Make a stream of a body that was read: a client that hangs up meanwhile takes nothing of it back."""
    stream = StreamReader(request.protocol, limit=len(body) + 1)
    stream.feed_data(body)
    stream.feed_eof()
    return stream


def objects(value: object) -> list[Json]:
    """Read a list of JSON objects from a body; whatever else stands there counts as absent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
