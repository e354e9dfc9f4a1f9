"""What an operator says of one Account."""

from dataclasses import dataclass, field

from midway.domain.account import MAX_QUEUED, SLOTS
from midway.domain.action import Speed
from midway.domain.ids import AccountId, ChannelId, GuildId
from midway.outbound.proxy import Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One Account as configured; the token is never printed.

    `slots` is how many jobs Midjourney draws for it at once, `max_queued` how many Tasks may wait here for them.
    `speed` is the mode that the Account draws in when a prompt names none; it chooses the deadlines.
    `proxy` is the way of all that this Account has to do with Discord; None: straight.
    `remix` tells the Account's Remix setting until the engine has seen it.
    """

    id: AccountId
    token: str = field(repr=False)
    guild_id: GuildId | None
    channel_id: ChannelId
    slots: int = SLOTS
    max_queued: int = MAX_QUEUED
    speed: Speed = Speed.FAST
    remix: bool = False
    proxy: Proxy | None = None
