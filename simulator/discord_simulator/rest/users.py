"""Routes about the account itself, its DMs and the commands that it may use."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.accounts import Account, Channel
from discord_simulator.errors import DiscordError, Unknown, json_response
from discord_simulator.json_types import Json

from .context import WORLD, account_of, channel_of, find_channel, json_body

routes = web.RouteTableDef()


@routes.get("/api/{version:v9|v10}/users/@me", name="me")
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


@routes.get("/api/{version:v9|v10}/users/@me/billing/country-code", name="country_code")
async def country_code(request: web.Request) -> web.Response:
    """Answer the call that clients use to see whether a token is good and its account verified."""
    account_of(request, verified=True)
    return json_response({"country_code": "US"})


@routes.get("/api/{version:v9|v10}/gateway", name="gateway_url")
async def gateway_url(request: web.Request) -> web.Response:
    """Tell where the gateway is."""
    return json_response({"url": gateway_address(request)})


@routes.get("/api/{version:v9|v10}/gateway/bot", name="gateway_bot")
async def gateway_bot(request: web.Request) -> web.Response:
    """Tell a bot where the gateway is, how many shards it needs and how often it may still begin a session."""
    account_of(request)
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return json_response({"url": gateway_address(request), "shards": 1, "session_start_limit": limit})


def gateway_address(request: web.Request) -> str:
    """Build the gateway's address as this client reaches it."""
    return str(request.url.origin().with_scheme("ws").with_path("/gateway"))


@routes.post("/api/{version:v9|v10}/users/@me/channels", name="open_dm")
async def open_dm(request: web.Request) -> web.Response:
    """Open, or find again, the DM with a bot."""
    account = account_of(request, verified=True)
    body = await json_body(request)
    recipients = {str(body.get("recipient_id")), *map(str, body.get("recipients") or [])}
    for channel in account.channels.values():
        if channel.recipient and channel.recipient.id in recipients:
            return json_response(_channel_payload(channel))
    raise DiscordError(400, 50033, "Invalid Recipient(s)")


@routes.get("/api/{version:v9|v10}/channels/{channel}", name="channel")
async def channel(request: web.Request) -> web.Response:
    """Show one channel."""
    return json_response(_channel_payload(channel_of(request, account_of(request))))


def _channel_payload(channel: Channel) -> Json:
    last = next(reversed(channel.messages), None)
    payload: Json = {"id": channel.id, "type": 1 if channel.is_dm else 0, "last_message_id": last, "flags": 0}
    if channel.recipient:
        return payload | {"recipients": [channel.recipient.payload()]}
    return payload | {"guild_id": channel.guild_id, "name": "general", "position": 0, "permission_overwrites": []}


@routes.get("/api/{version:v9|v10}/users/@me/application-command-index", name="command_index")
@routes.get("/api/{version:v9|v10}/{place:guilds|channels}/{id}/application-command-index", name="command_index_of")
async def command_index(request: web.Request) -> web.Response:
    """List the commands that may be used in a server, in a channel or DM, or, for the user, in the account's server."""
    account, place = account_of(request), request.match_info.get("place")
    if place == "guilds" and request.match_info["id"] != account.guild_id:
        raise Unknown("Guild")
    channel = account.channel
    if place == "channels":
        channel = find_channel(request.app[WORLD], account, request.match_info["id"])
    return json_response(request.app[WORLD].commands.payload(channel.bots))
