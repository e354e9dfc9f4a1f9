"""An account's server as Discord shows it: in READY, in GUILD_CREATE, in message events."""

from __future__ import annotations

from .accounts import Account
from .json_types import Json

EVERY_PERMISSION = "2251799813685247"
JOINED_AT = "2024-01-01T00:00:00+00:00"


def guild_payload(account: Account, *, nested: bool, extra_channels: int = 0) -> Json:
    """Show the server without its members; its own fields stand in `properties` when `nested`, else beside the rest."""
    own = account.channel.id
    extra = (str(600_000_000_000_000_000 + number) for number in range(extra_channels))
    properties = guild_properties(account)
    return {
        "id": account.guild_id,
        "joined_at": JOINED_AT,
        "large": False,
        "lazy": True,
        "member_count": len(account.members),
        "premium_subscription_count": 0,
        "threads": [],
        "stickers": [],
        "emojis": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "roles": [everyone(account.guild_id)],
        "channels": [_channel(channel_id, position) for position, channel_id in enumerate([own, *extra])],
    } | ({"data_mode": "full", "version": 1, "properties": properties} if nested else properties)


def guild_properties(account: Account) -> Json:
    """Show the server's own fields."""
    return {
        "id": account.guild_id,
        "name": f"server{account.number}",
        "owner_id": account.owner.user.id,
        "icon": None,
        "features": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "afk_timeout": 300,
        "system_channel_flags": 0,
    }


def member_payload() -> Json:
    """Show a membership without its user; all are alike."""
    return {"roles": [], "joined_at": JOINED_AT, "deaf": False, "mute": False, "flags": 0}


def everyone(guild_id: str) -> Json:
    """Show the one role that there is."""
    role = {"id": guild_id, "name": "@everyone", "permissions": EVERY_PERMISSION, "position": 0, "color": 0}
    return role | {"hoist": False, "managed": False, "mentionable": False, "flags": 0}


def _channel(channel_id: str, position: int) -> Json:
    return {
        "id": channel_id,
        "type": 0,
        "name": f"general-{position}" if position else "general",
        "position": position,
        "permission_overwrites": [],
        "topic": None,
        "nsfw": False,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "parent_id": None,
        "flags": 0,
    }
