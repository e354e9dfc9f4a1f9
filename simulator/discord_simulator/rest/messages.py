"""Routes about a channel's messages: history, posting, reactions."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.accounts import Account, Channel
from discord_simulator.errors import VIA, DiscordError, InvalidForm, Unknown, json_response
from discord_simulator.json_types import Json
from discord_simulator.messages import Message, gateway_keys, message_payload
from discord_simulator.sessions import Event
from discord_simulator.uploads import picture_from_upload, resolve_uploads

from .context import BOT, WORLD, account_of, body_and_parts, channel_of, objects

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
routes = web.RouteTableDef()


@routes.get("/api/{version:v9|v10}/channels/{channel}/messages", name="history")
async def history(request: web.Request) -> web.Response:
    """List messages newest first, ephemeral ones never; `before`, `after` and `around` take a message id."""
    channel = channel_of(request, account_of(request))
    links = request.app[WORLD].files.links
    return json_response([message_payload(message, links) for message in _page(channel, request)])


def _page(channel: Channel, request: web.Request) -> list[Message]:
    limit = _number(request, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidForm("limit", "NUMBER_TYPE_MAX", f"int value should be between 1 and {MAX_LIMIT}.")
    oldest_first = sorted(channel.messages.values(), key=lambda message: int(message.id))
    if around := _number(request, "around"):
        nearest = sorted(oldest_first, key=lambda message: abs(int(message.id) - around))[:limit]
        return sorted(nearest, key=lambda message: -int(message.id))
    if after := _number(request, "after"):
        return [message for message in oldest_first if int(message.id) > after][:limit][::-1]
    before = _number(request, "before")
    return [message for message in oldest_first if not before or int(message.id) < before][-limit:][::-1]


def _number(request: web.Request, key: str, default: int = 0) -> int:
    text = request.query.get(key, str(default))
    if not text.isdecimal():
        raise InvalidForm(key, "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    return int(text)


@routes.get("/api/{version:v9|v10}/channels/{channel}/messages/{message}", name="message")
async def read(request: web.Request) -> web.Response:
    """Show one message, with freshly signed links."""
    message = _message_of(request, account_of(request))
    return json_response(message_payload(message, request.app[WORLD].files.links))


def _message_of(request: web.Request, account: Account) -> Message:
    message = channel_of(request, account).messages.get(request.match_info["message"])
    if message is None:
        raise Unknown("Message")
    return message


@routes.post("/api/{version:v9|v10}/channels/{channel}/messages", name="send_message")
async def send(request: web.Request) -> web.Response:
    """Post a message of the account's own, with uploaded pictures if it names any."""
    world, account = request.app[WORLD], account_of(request, verified=True)
    channel = channel_of(request, account)
    body, parts = await body_and_parts(request)
    uploads = resolve_uploads(world.uploads, objects(body.get("attachments")), parts)
    content, nonce = str(body.get("content") or ""), body.get("nonce")
    if not content and not uploads:
        raise DiscordError(400, 50006, "Cannot send an empty message")
    pictures = [picture_from_upload(upload) for upload in uploads]
    message = world.post(channel, account.user, content, nonce=str(nonce) if nonce else None, attachments=pictures)
    answer = message_payload(message, world.files.links) | gateway_keys(message)
    return json_response(answer | ({"nonce": nonce} if nonce else {}))


@routes.post("/api/{version:v9|v10}/channels/{channel}/messages/{message}/ack", name="ack")
async def acknowledge(request: web.Request) -> web.Response:
    """Mark the channel as read up to a message."""
    channel_of(request, account_of(request))
    return json_response({"token": None})


@routes.put("/api/{version:v9|v10}/channels/{channel}/messages/{message}/reactions/{emoji}/@me", name="react")
async def react(request: web.Request) -> web.Response:
    """Put the account's reaction on a message and let the bot see it."""
    account = account_of(request, verified=True)
    message, emoji = _message_of(request, account), request.match_info["emoji"]
    data = _reaction(account, message, emoji)
    request.app[WORLD].sessions.emit(Event("MESSAGE_REACTION_ADD", account, data))
    request.app[BOT].reaction(account, message, emoji)
    return web.Response(status=204, headers=VIA)


def _reaction(account: Account, message: Message, emoji: str) -> Json:
    place = {"guild_id": message.channel.guild_id} if message.channel.guild_id else {}
    return place | {
        "user_id": account.user.id,
        "channel_id": message.channel.id,
        "message_id": message.id,
        "message_author_id": message.author.id,
        "emoji": {"id": None, "name": emoji},
        "type": 0,
        "burst": False,
    }
