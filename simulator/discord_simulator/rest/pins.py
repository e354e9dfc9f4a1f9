"""Routes about pinned messages: under /pins as ever, and under /messages/pins since 2025."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.entities import PIN_NOTICE, Channel, Message
from discord_simulator.errors import VIA, DiscordError, MissingPermissions, json_response
from discord_simulator.json_types import Json
from discord_simulator.message_payloads import gateway_keys, message_payload
from discord_simulator.sessions import Event
from discord_simulator.world import World

from .bodies import read_query
from .context import API, WORLD, account_of, channel_of, message_of

MAX_PINS = 250
DEFAULT_LIMIT, MAX_LIMIT = 50, 50
OLD, NEW = API + "/channels/{channel}/pins", API + "/channels/{channel}/messages/pins"
routes = web.RouteTableDef()


@routes.get(OLD, name="pins")
async def pins(request: web.Request) -> web.Response:
    """List the pinned messages, the last pinned first."""
    channel = channel_of(request, account_of(request))
    links = request.app[WORLD].files.links
    return json_response([message_payload(message, links) for message in _pinned(channel)])


@routes.get(NEW, name="pins_page")
async def page(request: web.Request) -> web.Response:
    """List pinned messages with the time of their pin; `before` takes such a time."""
    channel, query = channel_of(request, account_of(request)), read_query(request)
    limit = query.number("limit", lowest=1, highest=MAX_LIMIT) or DEFAULT_LIMIT
    before = query.text("before") or "~"  # sorts behind every time
    links = request.app[WORLD].files.links
    older = [message for message in _pinned(channel) if _time_of(message) < before]
    items = [{"pinned_at": _time_of(message), "message": message_payload(message, links)} for message in older[:limit]]
    return json_response({"items": items, "has_more": len(older) > limit})


@routes.put(OLD + "/{message}", name="pin")
@routes.put(NEW + "/{message}", name="pin_new")
async def pin(request: web.Request) -> web.Response:
    """Pin a message and post the notice about it."""
    message = _pinnable(request)
    world, channel = request.app[WORLD], message.channel
    if message.pinned_at is None:
        if len(_pinned(channel)) >= MAX_PINS:
            raise DiscordError(400, 30003, f"Maximum number of pins reached ({MAX_PINS})")
        message.pinned_at = world.clock.now()
        _tell(world, message)
        world.post(channel, channel.account.user, "", type=PIN_NOTICE, reference=message)
    return web.Response(status=204, headers=VIA)


@routes.delete(OLD + "/{message}", name="unpin")
@routes.delete(NEW + "/{message}", name="unpin_new")
async def unpin(request: web.Request) -> web.Response:
    """Take a pin off."""
    message = _pinnable(request)
    if message.pinned_at is not None:
        message.pinned_at = None
        _tell(request.app[WORLD], message)
    return web.Response(status=204, headers=VIA)


@routes.post(OLD + "/ack", name="ack_pins")
async def acknowledge(request: web.Request) -> web.Response:
    """Mark the pins as read."""
    channel_of(request, account_of(request))
    return web.Response(status=204, headers=VIA)


def _pinnable(request: web.Request) -> Message:
    """Find the message in the path, if the account may pin it: in a DM both may."""
    message = message_of(request, account_of(request, verified=True))
    if not message.channel.is_dm and not request.app[WORLD].options.manages_messages:
        raise MissingPermissions
    return message


def _pinned(channel: Channel) -> list[Message]:
    pinned = (message for message in channel.messages.values() if message.pinned_at)
    return sorted(pinned, key=_time_of, reverse=True)


def _time_of(message: Message) -> str:
    return message.pinned_at.isoformat() if message.pinned_at else ""


def _tell(world: World, message: Message) -> None:
    """Emit what follows a pin or its end."""
    channel = message.channel
    whole = message_payload(message, world.files.links) | gateway_keys(message)
    world.sessions.emit(Event("MESSAGE_UPDATE", channel.account, whole, job_id=message.job_id))
    last = next(iter(_pinned(channel)), None)
    data: Json = {"channel_id": channel.id, "last_pin_timestamp": _time_of(last) if last else None}
    data |= {"guild_id": channel.guild_id} if channel.guild_id else {}
    world.sessions.emit(Event("CHANNEL_PINS_UPDATE", channel.account, data))
