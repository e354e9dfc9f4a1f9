"""An account's server, its members and roles as Discord shows them, with every field that is documented."""

from __future__ import annotations

from .entities import Account
from .json_types import Json
from .users import User

EVERY_PERMISSION = "2251799813685247"
JOINED_AT = "2024-01-01T00:00:00+00:00"


def guild_payload(account: Account, *, nested: bool, extra_channels: int = 0) -> Json:
    """Return the server without its members; its own fields are in `properties` if `nested`, else at the top level."""
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
        "soundboard_sounds": [],
        "roles": [everyone(account.guild_id)],
        "channels": [
            channel_payload(account.channel.id, last_message_id=next(reversed(account.channel.messages), None)),
            *(channel_payload(channel_id, position) for position, channel_id in enumerate(extra, start=1)),
        ],
    } | ({"data_mode": "full", "version": 1, "properties": properties} if nested else properties)


def guild_properties(account: Account) -> Json:
    """Show the server's own fields."""
    return {
        "id": account.guild_id,
        "name": f"server{account.number}",
        "owner_id": account.owner.user.id,
        "description": None,
        "icon": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "vanity_url_code": None,
        "features": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "widget_channel_id": None,
        "widget_enabled": False,
        "application_id": None,
        "hub_type": None,
        "incidents_data": None,
        "inventory_settings": None,
        "latest_onboarding_question_id": None,
        "max_members": 500_000,
        "max_presences": None,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "premium_progress_bar_enabled": False,
    }


def members_of(account: Account) -> list[User]:
    """List who is in the account's server, by id."""
    return sorted(account.members, key=lambda user: int(user.id))


def member_payload() -> Json:
    """Show a membership without its user; all are alike."""
    return {
        "roles": [],
        "joined_at": JOINED_AT,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "pending": False,
        "communication_disabled_until": None,
    }


def shown_member(user: User) -> Json:
    """Show a member with its user."""
    return member_payload() | {"user": user.payload()}


def everyone(guild_id: str) -> Json:
    """Show the one role that there is."""
    role = {"id": guild_id, "name": "@everyone", "permissions": EVERY_PERMISSION, "position": 0, "color": 0}
    look: Json = {"icon": None, "unicode_emoji": None}
    look["colors"] = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return role | look | {"hoist": False, "managed": False, "mentionable": False, "flags": 0}


def channel_payload(channel_id: str, position: int = 0, *, last_message_id: str | None = None) -> Json:
    """Show a text channel, without its server."""
    return {
        "id": channel_id,
        "type": 0,
        "name": f"general-{position}" if position else "general",
        "position": position,
        "permission_overwrites": [],
        "topic": None,
        "nsfw": False,
        "last_message_id": last_message_id,
        "rate_limit_per_user": 0,
        "parent_id": None,
        "flags": 0,
    }
