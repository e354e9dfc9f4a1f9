"""Routes about channels: the account's DMs, one channel, typing in it."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.entities import Channel
from discord_simulator.errors import VIA, DiscordError, json_response
from discord_simulator.guild import channel_payload
from discord_simulator.json_types import Json
from discord_simulator.sessions import Event

from .bodies import read_form, read_optional_form
from .context import API, WORLD, account_of, channel_of

routes = web.RouteTableDef()


@routes.get(API + "/users/@me/channels", name="dms")
async def dms(request: web.Request) -> web.Response:
    """List the account's DMs."""
    account = account_of(request)
    return json_response([shown_channel(channel) for channel in account.channels.values() if channel.is_dm])


@routes.post(API + "/users/@me/channels", name="open_dm")
async def open_dm(request: web.Request) -> web.Response:
    """Open, or find again, the DM with a bot."""
    account = account_of(request, verified=True)
    form = await read_form(request)
    recipients = {form.snowflake("recipient_id"), *form.snowflakes("recipients")}
    for channel in account.channels.values():
        if channel.recipient and channel.recipient.id in recipients:
            return json_response(shown_channel(channel))
    raise DiscordError(400, 50033, "Invalid Recipient(s)")


@routes.get(API + "/channels/{channel}", name="channel")
async def channel(request: web.Request) -> web.Response:
    """Show one channel."""
    return json_response(shown_channel(channel_of(request, account_of(request))))


def shown_channel(channel: Channel) -> Json:
    """Show a channel as REST does."""
    last = next(reversed(channel.messages), None)
    if channel.recipient is None:
        return channel_payload(channel.id, last_message_id=last) | {"guild_id": channel.guild_id}
    recipients = [channel.recipient.payload()]
    return {"id": channel.id, "type": 1, "last_message_id": last, "flags": 0, "recipients": recipients}


@routes.post(API + "/channels/{channel}/typing", name="typing")
async def typing(request: web.Request) -> web.Response:
    """Show for ten seconds that the account is typing."""
    account = account_of(request, verified=True)
    place = channel_of(request, account)
    await read_optional_form(request)
    world = request.app[WORLD]
    now = int(world.clock.now().timestamp())
    data: Json = {"channel_id": place.id, "user_id": account.user.id, "timestamp": now}
    data |= {"guild_id": place.guild_id} if place.guild_id else {}
    world.sessions.emit(Event("TYPING_START", account, data))
    return web.Response(status=204, headers=VIA)
