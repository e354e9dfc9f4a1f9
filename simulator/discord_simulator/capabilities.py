"""Gateway capabilities: what an IDENTIFY opts into, bit by bit. Source: discord-userdoccers, using-gateway."""

from __future__ import annotations

from enum import IntFlag


class Capability(IntFlag):
    """One bit each; those that change nothing which the simulator sends are here for their names."""

    NONE = 0
    LAZY_USER_NOTES = 1 << 0  # no `notes` in READY
    NO_AFFINE_USER_IDS = 1 << 1
    VERSIONED_READ_STATES = 1 << 2  # `read_state` is an object
    VERSIONED_USER_GUILD_SETTINGS = 1 << 3  # `user_guild_settings` is an object
    DEDUPE_USER_OBJECTS = 1 << 4  # every user once, in `users`; ids elsewhere; `merged_members`, `merged_presences`
    PRIORITIZED_READY_PAYLOAD = 1 << 5  # the rest comes in READY_SUPPLEMENTAL; needs DEDUPE_USER_OBJECTS
    MULTIPLE_GUILD_EXPERIMENT_POPULATIONS = 1 << 6
    NON_CHANNEL_READ_STATES = 1 << 7  # `read_state` includes the notification centre
    AUTH_TOKEN_REFRESH = 1 << 8  # READY may bring a new token
    USER_SETTINGS_PROTO = 1 << 9  # no `user_settings`
    CLIENT_STATE_V2 = 1 << 10  # a guild's own fields are in `properties`
    PASSIVE_GUILD_UPDATE = 1 << 11
    AUTO_CALL_CONNECT = 1 << 12
    DEBOUNCE_MESSAGE_REACTIONS = 1 << 13
    PASSIVE_GUILD_UPDATE_V2 = 1 << 14

    @classmethod
    def asked_for(cls, value: object) -> Capability:
        """Read IDENTIFY's `capabilities`; what is no number asks for none, and unknown bits are left alone."""
        asked = cls(value if isinstance(value, int) and value > 0 else 0)
        if not asked & cls.DEDUPE_USER_OBJECTS:
            asked &= ~cls.PRIORITIZED_READY_PAYLOAD
        return asked
