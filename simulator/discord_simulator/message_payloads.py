"""How Discord shows messages, over REST and on the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .attachments import ATTACHMENT_SCHEME, Attachment
from .entities import COMMAND, COMMAND_REPLY, COMPONENT, PIN_NOTICE, Interaction, Message
from .guild import member_payload
from .json_types import Json

LinkOf = Callable[[Attachment], str]


@dataclass(frozen=True)
class Links:
    """Freshly signed addresses of an attachment: the CDN's own, and its media proxy's."""

    cdn: LinkOf
    media: LinkOf


def message_payload(message: Message, links: Links) -> Json:
    """Show the message as MESSAGE_CREATE and the REST history do, with freshly signed links.

    The caller adds `nonce`, which only a MESSAGE_CREATE may have.
    """
    payload: Json = {
        "id": message.id,
        "channel_id": message.channel.id,
        "type": message.type,
        "flags": message.flags,
        "content": message.content,
        "author": message.author.payload(),
        "timestamp": message.created_at.isoformat(),
        "edited_timestamp": message.edited_at.isoformat() if message.edited_at else None,
        "attachments": _attachment_payloads(message, links),
        "embeds": [_embed_payload(embed, message, links) for embed in message.embeds],
        "components": message.components,
        "mentions": _mentions(message),
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": message.pinned_at is not None,
        "tts": False,
    }
    if message.reactions:
        payload["reactions"] = message.reactions.payload(message.channel.account.user)
    return payload | _application_keys(message) | _interaction_keys(message) | _reference_keys(message, links)


def gateway_keys(message: Message) -> Json:
    """Return what events about a message in a server carry and the REST history does not."""
    keys = guild_keys(message)
    return keys | {"member": member_payload()} if keys else keys


def guild_keys(message: Message) -> Json:
    """Name the server of a message; an ephemeral one is sent to the user, as one in a DM is, and names none."""
    guild_id = message.channel.guild_id
    return {"guild_id": guild_id} if guild_id and not message.is_ephemeral else {}


def interaction_metadata(interaction: Interaction) -> Json:
    """Describe the interaction that a message answers; only a command's has a name."""
    user = interaction.account.user
    metadata: Json = {
        "id": interaction.id,
        "type": interaction.type,
        "user": user.payload(),
        "authorizing_integration_owners": {"0": interaction.account.guild_id, "1": user.id},
    }
    if interaction.type == COMMAND:
        return metadata | {"name": interaction.name}
    if interaction.type == COMPONENT and interaction.message:
        return metadata | {"interacted_message_id": interaction.message.id}
    if interaction.modal:
        return metadata | {"triggering_interaction_metadata": interaction_metadata(interaction.modal.opened_by)}
    return metadata


def _attachment_payloads(message: Message, links: Links) -> list[Json]:
    shown_in_embeds = {_image_url(embed) for embed in message.embeds}
    return [
        _attachment_payload(attachment, links)
        for attachment in message.attachments
        if ATTACHMENT_SCHEME + attachment.picture.filename not in shown_in_embeds
    ]


def _attachment_payload(attachment: Attachment, links: Links) -> Json:
    picture = attachment.picture
    return {
        "id": attachment.id,
        "filename": picture.filename,
        "content_type": picture.content_type,
        "size": picture.size,
        "width": picture.width,
        "height": picture.height,
        "url": links.cdn(attachment),
        "proxy_url": links.media(attachment),
        "flags": 0,
    }


def _embed_payload(embed: Json, message: Message, links: Links) -> Json:
    """Replace attachment://name by the signed links of that attachment, as Discord does."""
    url = _image_url(embed)
    named = (a for a in message.attachments if ATTACHMENT_SCHEME + a.picture.filename == url)
    attachment = next(named, None)
    if attachment is None:
        return {"type": "rich"} | embed
    image = {
        "url": links.cdn(attachment),
        "proxy_url": links.media(attachment),
        "width": attachment.picture.width,
        "height": attachment.picture.height,
    }
    return {"type": "rich"} | embed | {"image": image}


def _mentions(message: Message) -> list[Json]:
    account = message.channel.account
    named = [account.user] if message.mentions_user else []
    named += [user for user in account.members if user not in named and f"<@{user.id}>" in message.content]
    return [user.payload() for user in named]


def _application_keys(message: Message) -> Json:
    if not message.author.bot:
        return {}
    keys = {"application_id": message.author.id}
    return keys | {"webhook_id": message.author.id} if message.type == COMMAND_REPLY else keys


def _interaction_keys(message: Message) -> Json:
    interaction = message.interaction
    if interaction is None:
        return {}
    keys: Json = {"interaction_metadata": interaction_metadata(interaction)}
    if interaction.type == COMMAND:  # the deprecated key; Discord never made one for components
        user = interaction.account.user.payload()
        keys["interaction"] = {"id": interaction.id, "type": COMMAND, "name": interaction.name, "user": user}
    return keys


def _reference_keys(message: Message, links: Links) -> Json:
    parent = message.reference
    if parent is None:
        return {}
    reference: Json = {"type": 0, "message_id": parent.id, "channel_id": parent.channel.id}
    if parent.channel.guild_id:
        reference["guild_id"] = parent.channel.guild_id
    if message.type == PIN_NOTICE:
        return {"message_reference": reference}
    shallow = None if parent.deleted else message_payload(_without_reference(parent), links)
    return {"message_reference": reference, "referenced_message": shallow}


def _image_url(embed: Json) -> str:
    return (embed.get("image") or {}).get("url") or ""


def _without_reference(message: Message) -> Message:
    """Copy a message for showing inside another: Discord nests one level only."""
    shown = {name: value for name, value in vars(message).items() if name != "reference"}
    return Message(**shown)
