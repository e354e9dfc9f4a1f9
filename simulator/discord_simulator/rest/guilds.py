"""Routes about the account's server: itself, its channels, roles and members."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.entities import Account
from discord_simulator.errors import Unknown, json_response
from discord_simulator.guild import EVERY_PERMISSION, everyone, guild_properties, members_of, shown_member
from discord_simulator.json_types import Json
from discord_simulator.users import User

from .bodies import read_query
from .channels import shown_channel
from .context import API, WORLD, account_of, path_id

DEFAULT_MEMBERS, MAX_MEMBERS = 1, 1_000
GUILD = API + "/guilds/{guild}"
routes = web.RouteTableDef()


def check_guild(request: web.Request, account: Account) -> None:
    """Raise Unknown unless the path names the account's server: Discord does not tell that another's exists."""
    if path_id(request, "guild") != account.guild_id:
        raise Unknown("Guild")


@routes.get(API + "/users/@me/guilds", name="guilds")
async def guilds(request: web.Request) -> web.Response:
    """List the account's servers: the one."""
    account = account_of(request)
    counts = _counts(account) if read_query(request).flag("with_counts") else {}
    guild = {"id": account.guild_id, "name": guild_properties(account)["name"]}
    guild |= {"icon": None, "banner": None, "owner": account is account.owner}
    return json_response([guild | {"permissions": EVERY_PERMISSION, "features": []} | counts])


@routes.get(GUILD, name="guild")
async def guild(request: web.Request) -> web.Response:
    """Show the server."""
    account = account_of(request)
    check_guild(request, account)
    counts = _counts(account) if read_query(request).flag("with_counts") else {}
    return json_response(_guild_payload(account) | counts)


def _guild_payload(account: Account) -> Json:
    """Show the server as REST does: without its channels and members, with what events leave out."""
    return guild_properties(account) | {
        "roles": [everyone(account.guild_id)],
        "emojis": [],
        "stickers": [],
        "premium_subscription_count": 0,
    }


def _counts(account: Account) -> Json:
    count = len(members_of(account))
    return {"approximate_member_count": count, "approximate_presence_count": count}


@routes.get(GUILD + "/roles", name="roles")
async def roles(request: web.Request) -> web.Response:
    """List the roles: everybody's."""
    account = account_of(request)
    check_guild(request, account)
    return json_response([everyone(account.guild_id)])


@routes.get(GUILD + "/channels", name="guild_channels")
async def channels(request: web.Request) -> web.Response:
    """List the server's channels."""
    account = account_of(request)
    check_guild(request, account)
    return json_response([shown_channel(c) for c in account.channels.values() if not c.is_dm])


@routes.get(GUILD + "/members", name="members")
async def members(request: web.Request) -> web.Response:
    """List members by id; `after` takes a user id."""
    users, query = _members(request), read_query(request)
    limit = query.number("limit", lowest=1, highest=MAX_MEMBERS) or DEFAULT_MEMBERS
    after = int(query.snowflake("after") or 0)
    return json_response([shown_member(user) for user in users if int(user.id) > after][:limit])


@routes.get(GUILD + "/members/search", name="search_members")
async def search_members(request: web.Request) -> web.Response:
    """List members whose name begins with `query`."""
    users, query = _members(request), read_query(request)
    limit = query.number("limit", lowest=1, highest=MAX_MEMBERS) or DEFAULT_MEMBERS
    begin = query.need("query", query.text).casefold()
    return json_response([shown_member(u) for u in users if u.username.casefold().startswith(begin)][:limit])


@routes.get(GUILD + "/members/{user}", name="member")
async def member(request: web.Request) -> web.Response:
    """Show one member; `@me` is the account."""
    account, users = account_of(request), _members(request)
    user_id = account.user.id if request.match_info["user"] == "@me" else path_id(request, "user")
    found = next((user for user in users if user.id == user_id), None)
    if found is None:
        known = user_id in {other.user.id for other in request.app[WORLD].accounts}
        raise Unknown("Member" if known else "User")
    return json_response(shown_member(found))


def _members(request: web.Request) -> list[User]:
    account = account_of(request)
    check_guild(request, account)
    return members_of(account)
