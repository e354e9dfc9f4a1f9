"""Turns a raw gateway dispatch into an Event. Unknown dispatches are ignored; missing keys are tolerated."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from midway.discord.attachment import images_from_attachments
from midway.discord.component import buttons, links, pictures, text_fields, texts
from midway.discord.event import (
    Embed,
    Event,
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    ModalOpened,
)
from midway.discord.json_types import Raw, inner, number, objects, snowflake, text
from midway.domain.ids import ChannelId, InteractionId, MessageId, Nonce, UserId

_REPLY = 0  # kind of a message reference; 1 is a forward
_FIRST_YEAR, _LAST_YEAR = 2015, 2200  # of Discord's ids


def decode(name: str, raw: Raw) -> Event | None:
    """Decode one dispatch by its name; None for one that is not used.

    Raises KeyError when it lacks its id.
    """
    decoder = DECODERS.get(name)
    return decoder(raw) if decoder else None


def decode_message(raw: Raw) -> Message:
    """Decode a message from the gateway or the history. Raises KeyError without its id or channel."""
    components = raw.get("components")
    interaction = _interaction(raw)
    return Message(
        id=MessageId(_id(raw)),
        channel_id=ChannelId(str(raw["channel_id"])),
        author_id=UserId(text(inner(raw, "author"), "id")),
        content=text(raw, "content") or "\n".join(texts(components)),
        nonce=_nonce(raw),
        flags=number(raw, "flags"),
        type=number(raw, "type"),
        interaction_id=InteractionId(snowflake(interaction, "id")) or None,
        interaction_name=text(interaction, "name"),
        interaction_user_id=UserId(text(inner(interaction, "user"), "id")) or None,
        interacted_message_id=_interacted_message_id(interaction),
        reference_id=_reference_id(raw),
        mentions=tuple(UserId(text(user, "id")) for user in objects(raw.get("mentions"))),
        attachments=images_from_attachments(raw.get("attachments") or pictures(components)),
        embeds=tuple(_embed(embed) for embed in objects(raw.get("embeds"))),
        buttons=buttons(components),
        links=links(components),
        created_at=_time(text(raw, "timestamp")),
        edited_at=_time(text(raw, "edited_timestamp")),
    )


def _interaction(raw: Raw) -> Raw:
    """Merge the two forms in which a message names its Interaction; the newer one takes precedence."""
    return {**inner(raw, "interaction"), **inner(raw, "interaction_metadata")}


def _interacted_message_id(interaction: Raw) -> MessageId | None:
    """Return the message whose button was pressed, directly or by way of the modal that the press opened."""
    opened_by = inner(interaction, "triggering_interaction_metadata")
    return MessageId(text(interaction, "interacted_message_id") or text(opened_by, "interacted_message_id")) or None


def _reference_id(raw: Raw) -> MessageId | None:
    reference = inner(raw, "message_reference")
    if number(reference, "type") != _REPLY:
        return None
    return MessageId(text(reference, "message_id") or text(inner(raw, "referenced_message"), "id")) or None


def _embed(raw: Raw) -> Embed:
    return Embed(
        title=text(raw, "title"),
        description=text(raw, "description"),
        footer=text(inner(raw, "footer"), "text"),
        color=number(raw, "color") if raw.get("color") is not None else None,
        # Prefer Discord's proxied copy; `url` may be any address that a user gave the bot.
        image_url=text(inner(raw, "image"), "proxy_url") or text(inner(raw, "image"), "url"),
        type=text(raw, "type"),
        url=text(raw, "url"),
        provider=text(inner(raw, "provider"), "name") or text(inner(raw, "provider"), "url"),
        fields=tuple((text(field, "name"), text(field, "value")) for field in objects(raw.get("fields"))),
    )


def _id(raw: Raw) -> str:
    """Return the id of a dispatch's object. Raises KeyError when it has none."""
    found = snowflake(raw, "id")
    if not found:
        raise KeyError("id")
    return found


def _time(value: str) -> datetime | None:
    """Parse a time; None if there is none, or its year is implausible: calculations with it could overflow."""
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _nonce(raw: Raw) -> Nonce | None:
    return Nonce(text(raw, "nonce")) or None


def _interaction_id(raw: Raw) -> InteractionId:
    return InteractionId(_id(raw))


def _created(raw: Raw) -> Event:
    return InteractionCreated(_interaction_id(raw), Nonce(str(raw["nonce"])))


def _succeeded(raw: Raw) -> Event:
    return InteractionSucceeded(_interaction_id(raw), _nonce(raw))


def _failed(raw: Raw) -> Event:
    return InteractionFailed(_interaction_id(raw), _nonce(raw), cast("int | None", raw.get("reason_code")))


def _modal(raw: Raw) -> Event:
    fields = text_fields(raw.get("components"))
    return ModalOpened(_interaction_id(raw), _nonce(raw), text(raw, "custom_id"), text(raw, "title"), fields)


def _iframe(raw: Raw) -> Event:
    named = (text(raw, key) for key in ("custom_id", "title", "iframe_path"))
    return IframeOpened(_interaction_id(raw), _nonce(raw), *named)


def _deleted(raw: Raw) -> Event:
    return MessageDeleted(MessageId(_id(raw)), ChannelId(text(raw, "channel_id")))


DECODERS: dict[str, Callable[[Raw], Event]] = {
    "INTERACTION_CREATE": _created,
    "INTERACTION_SUCCESS": _succeeded,
    "INTERACTION_FAILURE": _failed,
    "INTERACTION_MODAL_CREATE": _modal,
    "INTERACTION_IFRAME_MODAL_CREATE": _iframe,
    "MESSAGE_CREATE": lambda raw: MessageCreated(decode_message(raw)),
    "MESSAGE_UPDATE": lambda raw: MessageUpdated(decode_message(raw)),
    "MESSAGE_DELETE": _deleted,
}
