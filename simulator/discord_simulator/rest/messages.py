"""Routes about a channel's messages: history, posting, editing, deleting, marking as read."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.attachments import Attachment
from discord_simulator.entities import DEFAULT, REPLY, Channel, Message
from discord_simulator.errors import (
    VIA,
    DirectMessage,
    DiscordError,
    InvalidForm,
    MissingPermissions,
    NotTheAuthor,
    json_response,
)
from discord_simulator.json_types import Json
from discord_simulator.message_payloads import gateway_keys, message_payload
from discord_simulator.sessions import Event
from discord_simulator.uploads import picture_from_upload
from discord_simulator.world import Changes, World

from .bodies import read_form_and_files, read_optional_form, read_query
from .context import API, WORLD, account_of, channel_of, message_of, path_id
from .form import Form
from .interaction_checks import read_nonce
from .uploads import files_of

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
MAX_CONTENT_CHARACTERS = 2_000  # without a subscription to Discord's own Nitro
routes = web.RouteTableDef()


@routes.get(API + "/channels/{channel}/messages", name="history")
async def history(request: web.Request) -> web.Response:
    """List messages newest first, ephemeral ones never; `before`, `after` and `around` take a message id."""
    channel = channel_of(request, account_of(request))
    links = request.app[WORLD].files.links
    return json_response([message_payload(message, links) for message in _page(channel, read_query(request))])


def _page(channel: Channel, query: Form) -> list[Message]:
    limit = query.number("limit", lowest=1, highest=MAX_LIMIT) or DEFAULT_LIMIT
    oldest_first = sorted(channel.messages.values(), key=lambda message: int(message.id))
    if around := query.number("around"):
        nearest = sorted(oldest_first, key=lambda message: abs(int(message.id) - around))[:limit]
        return sorted(nearest, key=lambda message: -int(message.id))
    before, after = query.number("before"), query.number("after")
    if before is None and after is not None:
        return [message for message in oldest_first if int(message.id) > after][:limit][::-1]
    return [message for message in oldest_first if before is None or int(message.id) < before][-limit:][::-1]


@routes.get(API + "/channels/{channel}/messages/{message}", name="message")
async def read(request: web.Request) -> web.Response:
    """Show one message, with freshly signed links."""
    message = message_of(request, account_of(request))
    return json_response(message_payload(message, request.app[WORLD].files.links))


@routes.post(API + "/channels/{channel}/messages", name="send_message")
async def send(request: web.Request) -> web.Response:
    """Post a message of the account's own, with uploaded pictures if it names any."""
    world, account = request.app[WORLD], account_of(request, verified=True)
    channel = channel_of(request, account)
    form, files = await read_form_and_files(request)
    content, nonce = _content(form) or "", read_nonce(form)
    uploads = files_of(form, files, world.uploads)
    if not content and not uploads:
        raise DiscordError(400, 50006, "Cannot send an empty message")
    parent = _parent(channel, form)
    message = world.post(
        channel,
        account.user,
        content,
        nonce=nonce,
        attachments=[picture_from_upload(upload) for upload in uploads],
        type=REPLY if parent else DEFAULT,
        reference=parent,
    )
    return json_response(_own(world, message) | ({"nonce": form.values["nonce"]} if nonce else {}))


def _content(form: Form) -> str | None:
    return form.text("content", longest=MAX_CONTENT_CHARACTERS)


def _parent(channel: Channel, form: Form) -> Message | None:
    """Find the message that the new one replies to."""
    reference = form.child("message_reference")
    if reference is None:
        return None
    message_id = reference.need("message_id", reference.snowflake)
    if message_id not in channel.messages:
        raise InvalidForm("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    return channel.messages[message_id]


def _own(world: World, message: Message) -> Json:
    """Show a message to the account that wrote it, as events do."""
    return message_payload(message, world.files.links) | gateway_keys(message)


@routes.patch(API + "/channels/{channel}/messages/{message}", name="edit_message")
async def edit(request: web.Request) -> web.Response:
    """Change content and attachments of one of the account's own messages."""
    world, account = request.app[WORLD], account_of(request, verified=True)
    message = message_of(request, account)
    form, files = await read_form_and_files(request)
    if message.author != account.user:
        raise NotTheAuthor
    kept = _kept(message, form)
    new = files_of(form, files, world.uploads, known={attachment.id for attachment in kept})
    content = _content(form)
    if not (message.content if content is None else content) and not kept and not new:
        raise DiscordError(400, 50006, "Cannot send an empty message")
    changes: Changes = {} if content is None else {"content": content}
    changes["attachments"] = [*kept, *map(picture_from_upload, new)]
    world.edit(message, **changes)
    return json_response(_own(world, message))


def _kept(message: Message, form: Form) -> list[Attachment]:
    """List the attachments that an edit keeps: those that it names, or all if it has no such field."""
    if form.values.get("attachments") is None:
        return message.attachments
    named = {item.snowflake("id") for item in form.children("attachments")}
    return [attachment for attachment in message.attachments if attachment.id in named]


@routes.delete(API + "/channels/{channel}/messages/ack", name="forget_ack")
async def forget_ack(request: web.Request) -> web.Response:
    """Accept that a channel is marked as unread; the simulator does not use it."""
    channel_of(request, account_of(request))
    return web.Response(status=204, headers=VIA)


@routes.delete(API + "/channels/{channel}/messages/{message}", name="delete_message")
async def delete(request: web.Request) -> web.Response:
    """Delete one of the account's own messages, or in its server another's if it may manage messages."""
    world, account = request.app[WORLD], account_of(request, verified=True)
    message = message_of(request, account)
    if message.author != account.user:
        check_moderator(world, message.channel)
    world.delete(message)
    return web.Response(status=204, headers=VIA)


def check_moderator(world: World, channel: Channel) -> None:
    """Raise unless the account may manage others' messages here; in a DM it never may."""
    if channel.is_dm:
        raise DirectMessage
    if not world.options.manages_messages:
        raise MissingPermissions


@routes.post(API + "/channels/{channel}/messages/{message}/ack", name="ack")
async def acknowledge(request: web.Request) -> web.Response:
    """Mark the channel as read up to a message, for all of the account's sessions."""
    account, message_id = account_of(request), path_id(request, "message")
    channel = channel_of(request, account)
    form = await read_optional_form(request)
    data = {"channel_id": channel.id, "message_id": message_id, "version": 1, "flags": form.number("flags") or 0}
    request.app[WORLD].sessions.emit(Event("MESSAGE_ACK", account, data | {"last_viewed": form.number("last_viewed")}))
    return json_response({"token": None})
