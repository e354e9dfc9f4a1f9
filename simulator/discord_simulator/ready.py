"""What follows an IDENTIFY: READY and READY_SUPPLEMENTAL in the form that the capabilities ask for; a bot's READY."""

from __future__ import annotations

from .capabilities import Capability
from .entities import Account, Channel
from .guild import guild_payload, member_payload
from .json_types import Json
from .rest.users import own_user_payload
from .sessions import Session
from .users import BOTS, User

API_VERSION = 9
MESSAGE_CONTENT_AND_MEMBERS = 1 << 15 | 1 << 19  # flags of an unverified application with these intents


def ready_payload(session: Session, resume_url: str, *, version: int = API_VERSION, extra_channels: int = 0) -> Json:
    """Build READY's data; `extra_channels` enlarge it for tests."""
    own = _bot_ready(session) if session.account.user.bot else _user_ready(session, extra_channels)
    return own | {
        "v": version,
        "user": own_user_payload(session.account),
        "session_id": session.id,
        "session_type": "normal",
        "resume_gateway_url": resume_url,
        "relationships": [],
        "geo_ordered_rtc_regions": [],
        "_trace": [],
    }


def ready_supplemental_payload(account: Account) -> Json:
    """Build what follows READY; its lists must be as long as READY's list of guilds."""
    return {
        "guilds": [{"id": account.guild_id, "voice_states": []}],
        "merged_members": [_members(_acquaintances(account), deduped=True)],
        "merged_presences": {"guilds": [[]], "friends": []},
        "lazy_private_channels": [],
        "disclose": [],
    }


def guild_create_payload(account: Account) -> Json:
    """Build the GUILD_CREATE by which a bot gets to know a server; a small one lists every member."""
    members = _members(account.members, deduped=False)
    more = {"unavailable": False, "members": members, "presences": [], "voice_states": []}
    return guild_payload(account, nested=False) | more


def _bot_ready(session: Session) -> Json:
    account = session.account
    return {
        "application": {"id": account.user.id, "flags": MESSAGE_CONTENT_AND_MEMBERS},
        "guilds": [{"id": account.guild_id, "unavailable": True}],
        "private_channels": [],
        "presences": [],
        "user_settings": {},
        "shard": [0, 1],
    }


def _user_ready(session: Session, extra_channels: int) -> Json:
    account, asked = session.account, session.capabilities
    client = {"version": 0, "os": "linux", "client": "web"}
    return {
        "country_code": "US",
        "read_state": _versioned(asked & Capability.VERSIONED_READ_STATES, _read_states(account, asked)),
        "user_guild_settings": _versioned(asked & Capability.VERSIONED_USER_GUILD_SETTINGS, []),
        "user_settings_proto": "",
        "connected_accounts": [],
        "experiments": [],
        "guild_experiments": [],
        "consents": {},
        "sessions": [{"session_id": session.id, "status": "online", "activities": [], "client_info": client}],
        "tutorial": None,
        "friend_suggestion_count": 0,
        "api_code_version": 1,
        **_places(account, asked, extra_channels),
        **({} if asked & Capability.LAZY_USER_NOTES else {"notes": {}}),
        **({} if asked & Capability.USER_SETTINGS_PROTO else {"user_settings": _settings()}),
    }


def _places(account: Account, asked: Capability, extra_channels: int) -> Json:
    """Return the server, the DMs and the presences; users are repeated in place, or listed once and referred to."""
    deduped = bool(asked & Capability.DEDUPE_USER_OBJECTS)
    guild = guild_payload(account, nested=bool(asked & Capability.CLIENT_STATE_V2), extra_channels=extra_channels)
    known = [account.user] if asked & Capability.PRIORITIZED_READY_PAYLOAD else _everybody_known(account)
    members = _members(known, deduped=deduped)
    places: Json = {"private_channels": [_private_channel(c, deduped) for c in account.channels.values() if c.is_dm]}
    if not asked & Capability.PRIORITIZED_READY_PAYLOAD:
        guild["voice_states"] = []
    if not deduped:
        return places | {"guilds": [guild | {"members": members, "presences": []}], "presences": []}
    places |= {"guilds": [guild], "merged_members": [members], "users": [bot.payload() for bot in BOTS.values()]}
    if not asked & Capability.PRIORITIZED_READY_PAYLOAD:
        places["merged_presences"] = {"guilds": [[]], "friends": []}
    return places


def _everybody_known(account: Account) -> list[User]:
    return [account.user, *_acquaintances(account)]


def _acquaintances(account: Account) -> list[User]:
    """List the members that Discord sends to a user at once: those with whom it has a DM."""
    return list(account.bots.bots)


def _members(users: list[User], *, deduped: bool) -> list[Json]:
    return [member_payload() | ({"user_id": user.id} if deduped else {"user": user.payload()}) for user in users]


def _private_channel(channel: Channel, deduped: bool) -> Json:
    recipients = [channel.recipient] if channel.recipient else []
    shown: Json = {"id": channel.id, "type": 1, "last_message_id": next(reversed(channel.messages), None), "flags": 0}
    if deduped:
        return shown | {"recipient_ids": [user.id for user in recipients]}
    return shown | {"recipients": [user.payload() for user in recipients]}


def _read_states(account: Account, asked: Capability) -> list[Json]:
    """List what the account has read: nothing yet; the notification centre only where it is asked for."""
    if not asked & Capability.NON_CHANNEL_READ_STATES:
        return []
    return [{"id": account.user.id, "read_state_type": 2, "last_acked_id": "0", "badge_count": 0}]


def _versioned(versioned: Capability, entries: list[Json]) -> Json | list[Json]:
    return {"version": 1, "partial": False, "entries": entries} if versioned else entries


def _settings() -> Json:
    """Show some of the settings that the protobuf has replaced."""
    return {"locale": "en-US", "theme": "dark", "status": "online", "developer_mode": False, "guild_folders": []}
