"""READY and READY_SUPPLEMENTAL, in the form that clients with today's capabilities ask for."""

from __future__ import annotations

from .accounts import BOTS, Account, Channel
from .json_types import Json
from .rest.users import own_user_payload

EVERY_PERMISSION = "2251799813685247"


def ready_payload(account: Account, session_id: str, resume_url: str, *, extra_channels: int = 0) -> Json:
    """Build READY's data: the user, one server, the DMs; `extra_channels` make it as big as a test wants."""
    member = {"user_id": account.user.id, "roles": [], "joined_at": "2024-01-01T00:00:00+00:00"}
    client = {"version": 0, "os": "linux", "client": "web"}
    return {
        "v": 9,
        "user": own_user_payload(account),
        "session_id": session_id,
        "resume_gateway_url": resume_url,
        "session_type": "normal",
        "country_code": "US",
        "guilds": [_guild(account, extra_channels)],
        "users": [bot.payload() for bot in BOTS.values()],
        "merged_members": [[member | {"deaf": False, "mute": False, "flags": 0}]],
        "private_channels": [_private_channel(c) for c in account.channels.values() if c.is_dm],
        "relationships": [],
        "read_state": {"version": 1, "partial": False, "entries": []},
        "user_guild_settings": {"version": 1, "partial": False, "entries": []},
        "user_settings_proto": "",
        "connected_accounts": [],
        "experiments": [],
        "guild_experiments": [],
        "consents": {},
        "sessions": [{"session_id": session_id, "status": "online", "activities": [], "client_info": client}],
        "tutorial": None,
        "geo_ordered_rtc_regions": [],
        "friend_suggestion_count": 0,
        "api_code_version": 1,
        "_trace": [],
    }


def ready_supplemental_payload(account: Account) -> Json:
    """Build what follows READY; its lists must be as long as READY's list of guilds."""
    return {
        "guilds": [{"id": account.guild_id, "voice_states": []}],
        "merged_members": [[]],
        "merged_presences": {"guilds": [[]], "friends": []},
        "lazy_private_channels": [],
        "disclose": [],
    }


def _guild(account: Account, extra_channels: int) -> Json:
    own = account.channel.id
    extra = (str(600_000_000_000_000_000 + number) for number in range(extra_channels))
    return {
        "id": account.guild_id,
        "data_mode": "full",
        "joined_at": "2024-01-01T00:00:00+00:00",
        "large": False,
        "lazy": True,
        "member_count": 2,
        "version": 1,
        "premium_subscription_count": 0,
        "threads": [],
        "stickers": [],
        "emojis": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "properties": _guild_properties(account),
        "roles": [_everyone(account.guild_id)],
        "channels": [_channel(channel_id, position) for position, channel_id in enumerate([own, *extra])],
    }


def _guild_properties(account: Account) -> Json:
    return {
        "id": account.guild_id,
        "name": f"server{account.number}",
        "owner_id": account.user.id,
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


def _everyone(guild_id: str) -> Json:
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


def _private_channel(channel: Channel) -> Json:
    recipients = [channel.recipient.id] if channel.recipient else []
    return {"id": channel.id, "type": 1, "recipient_ids": recipients, "last_message_id": None, "flags": 0}
