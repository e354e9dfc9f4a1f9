"""Routes about a message's reactions. A path may name the kind of reaction, normal or burst, before the user."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.entities import Message
from discord_simulator.errors import VIA, Unknown, json_response
from discord_simulator.json_types import Json
from discord_simulator.reactions import Emoji, read_emoji
from discord_simulator.sessions import Event

from .bodies import read_query
from .context import API, BOT, WORLD, account_of, message_of, path_id
from .messages import check_moderator

DEFAULT_LIMIT, MAX_LIMIT = 25, 100
ALL = API + "/channels/{channel}/messages/{message}/reactions"
ONE = ALL + "/{emoji}"
KIND = "{kind:(?:/[01])?}"
routes = web.RouteTableDef()


@routes.put(ONE + KIND + "/@me", name="react")
async def react(request: web.Request) -> web.Response:
    """Put the account's reaction on a message and let the bot see it."""
    account = account_of(request, verified=True)
    message, emoji = message_of(request, account), _emoji_of(request)
    if message.reactions.add(emoji, account.user):
        _emit(request, message, "MESSAGE_REACTION_ADD", _about(emoji, account.user.id, message.author.id))
        request.app[BOT].reaction(account, message, request.match_info["emoji"])
    return web.Response(status=204, headers=VIA)


@routes.delete(ONE + KIND + "/@me", name="take_reaction")
async def take_own(request: web.Request) -> web.Response:
    """Take the account's reaction off."""
    account = account_of(request, verified=True)
    return _take(request, message_of(request, account), account.user.id)


@routes.delete(ONE + KIND + r"/{user:\d+}", name="take_reaction_of")
async def take_anothers(request: web.Request) -> web.Response:
    """Take a user's reaction off; another's needs the right to manage messages."""
    account, user_id = account_of(request, verified=True), path_id(request, "user")
    message = message_of(request, account)
    if user_id != account.user.id:
        check_moderator(request.app[WORLD], message.channel)
    return _take(request, message, user_id)


def _take(request: web.Request, message: Message, user_id: str) -> web.Response:
    emoji = _emoji_of(request)
    user = next((user for user in message.reactions.get(emoji, []) if user.id == user_id), None)
    if user and message.reactions.take(emoji, user):
        _emit(request, message, "MESSAGE_REACTION_REMOVE", _about(emoji, user_id))
    return web.Response(status=204, headers=VIA)


@routes.delete(ONE, name="clear_reaction")
async def clear_one(request: web.Request) -> web.Response:
    """Take off what everybody put on with one emoji."""
    message, emoji = _moderated(request), _emoji_of(request)
    if message.reactions.pop(emoji, None):
        _emit(request, message, "MESSAGE_REACTION_REMOVE_EMOJI", {"emoji": emoji.payload()})
    return web.Response(status=204, headers=VIA)


@routes.delete(ALL, name="clear_reactions")
async def clear_all(request: web.Request) -> web.Response:
    """Take everything off."""
    message = _moderated(request)
    message.reactions.clear()
    _emit(request, message, "MESSAGE_REACTION_REMOVE_ALL", {})
    return web.Response(status=204, headers=VIA)


@routes.get(ONE, name="reactions")
async def users(request: web.Request) -> web.Response:
    """List who reacted with an emoji, by id; `after` takes a user id."""
    message, query = message_of(request, account_of(request)), read_query(request)
    limit = query.number("limit", lowest=1, highest=MAX_LIMIT) or DEFAULT_LIMIT
    after = int(query.snowflake("after") or 0)
    reacted = sorted(message.reactions.get(_emoji_of(request), []), key=lambda user: int(user.id))
    return json_response([user.payload() for user in reacted if int(user.id) > after][:limit])


def _moderated(request: web.Request) -> Message:
    message = message_of(request, account_of(request, verified=True))
    check_moderator(request.app[WORLD], message.channel)
    return message


def _emoji_of(request: web.Request) -> Emoji:
    emoji = read_emoji(request.match_info["emoji"])
    if emoji is None:
        raise Unknown("Emoji", status=400)
    return emoji


def _about(emoji: Emoji, user_id: str, author_id: str | None = None) -> Json:
    """Build the event for an added or removed reaction; only the former names the message's author."""
    author = {"message_author_id": author_id} if author_id else {}
    return {"user_id": user_id, "emoji": emoji.payload(), "type": 0, "burst": False} | author


def _emit(request: web.Request, message: Message, name: str, data: Json) -> None:
    channel = message.channel
    place: Json = {"channel_id": channel.id, "message_id": message.id}
    place |= {"guild_id": channel.guild_id} if channel.guild_id else {}
    request.app[WORLD].sessions.emit(Event(name, channel.account, place | data))
