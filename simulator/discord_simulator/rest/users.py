"""Routes about users, the account itself first, and about the commands that it may use."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.entities import Account
from discord_simulator.errors import Unknown, json_response
from discord_simulator.guild import members_of, shown_member
from discord_simulator.json_types import Json
from discord_simulator.users import BOTS, User

from .bodies import read_query
from .context import API, WORLD, account_of, find_channel, path_id

routes = web.RouteTableDef()


@routes.get(API + "/users/@me", name="me")
async def me(request: web.Request) -> web.Response:
    """Show the account's user."""
    return json_response(own_user_payload(account_of(request)))


def own_user_payload(account: Account) -> Json:
    """Show the user as only the account itself sees it, here and in READY."""
    return account.user.payload() | {
        "email": None,
        "phone": None,
        "verified": True,
        "mfa_enabled": False,
        "premium_type": 0,
        "flags": 0,
        "locale": "en-US",
        "bio": "",
        "desktop": False,
        "mobile": False,
        "nsfw_allowed": True,
    }


@routes.get(API + r"/users/{user:\d+}", name="user")
async def user(request: web.Request) -> web.Response:
    """Show a user."""
    return json_response(_user_of(request, account_of(request)).payload())


@routes.get(API + r"/users/{user:\d+|@me}/profile", name="profile")
async def profile(request: web.Request) -> web.Response:
    """Show a user's profile, with the server if the user is in it."""
    account = account_of(request)
    shown, query = _user_of(request, account), read_query(request)
    is_member = shown in members_of(account)
    wants_mutual = "with_mutual_guilds" not in query.values or query.flag("with_mutual_guilds")
    mutual = [{"id": account.guild_id, "nick": None}] if is_member and wants_mutual else []
    friends: Json = {"mutual_friends": []} if query.flag("with_mutual_friends") else {}
    friends |= {"mutual_friends_count": 0} if query.flag("with_mutual_friends_count") else {}
    in_guild: Json = {}
    if is_member and query.snowflake("guild_id") == account.guild_id:
        about = {"guild_id": account.guild_id, "bio": "", "pronouns": ""}
        in_guild = {"guild_member": shown_member(shown), "guild_member_profile": about}
    return json_response(_profile_payload(shown) | {"mutual_guilds": mutual} | friends | in_guild)


def _user_of(request: web.Request, account: Account) -> User:
    """Find the user in the path."""
    if request.match_info["user"] == "@me":
        return account.user
    world, user_id = request.app[WORLD], path_id(request, "user")
    authors = (message.author for channel in account.channels.values() for message in channel.messages.values())
    known = (*BOTS.values(), *account.members, *(other.user for other in world.accounts), *authors)
    found = next((user for user in known if user.id == user_id), None)
    if found is None:
        raise Unknown("User")
    return found


def _profile_payload(user: User) -> Json:
    about = {"bio": "", "pronouns": "", "accent_color": None, "banner": None, "theme_colors": None}
    payload: Json = {
        "user": user.payload() | about,
        "user_profile": about | {"emoji": None, "profile_effect": None, "popout_animation_particle_type": None},
        "badges": [],
        "guild_badges": [],
        "connected_accounts": [],
        "premium_type": None if user.bot else 0,
        "premium_since": None,
        "premium_guild_since": None,
        "legacy_username": None,
    }
    application = {"id": user.id, "verified": True, "flags": 0, "storefront_available": False}
    return payload | ({"application": application} if user.bot else {})


@routes.get(API + "/users/@me/billing/country-code", name="country_code")
async def country_code(request: web.Request) -> web.Response:
    """Answer the call that clients use to see whether a token is good and its account verified."""
    account_of(request, verified=True)
    return json_response({"country_code": "US"})


@routes.get(API + "/gateway", name="gateway_url")
async def gateway_url(request: web.Request) -> web.Response:
    """Tell where the gateway is."""
    return json_response({"url": gateway_address(request)})


@routes.get(API + "/gateway/bot", name="gateway_bot")
async def gateway_bot(request: web.Request) -> web.Response:
    """Tell where the gateway is, how many shards a bot needs and how often it may still begin a session."""
    account_of(request)
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return json_response({"url": gateway_address(request), "shards": 1, "session_start_limit": limit})


def gateway_address(request: web.Request) -> str:
    """Build the gateway's address as this client reaches it."""
    return str(request.url.origin().with_scheme("ws").with_path("/gateway"))


@routes.get(API + "/users/@me/application-command-index", name="command_index")
@routes.get(API + "/{place:guilds|channels}/{id}/application-command-index", name="command_index_of")
async def command_index(request: web.Request) -> web.Response:
    """List the commands that may be used in a server, in a channel or DM, or, for the user, in the account's server."""
    account, place = account_of(request), request.match_info.get("place")
    if place == "guilds" and request.match_info["id"] != account.guild_id:
        raise Unknown("Guild")
    channel = account.channel
    if place == "channels":
        channel = find_channel(request.app[WORLD], account, path_id(request, "id"))
    return json_response(request.app[WORLD].commands.payload(channel.bots))
