"""The operator's configuration of one Account."""

from dataclasses import dataclass, field

from midway.domain.account import MAX_QUEUED, SLOTS
from midway.domain.action import Speed
from midway.domain.ids import AccountId, ChannelId, GuildId
from midway.outbound.proxy import Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One Account as configured. `repr` does not show the token.

    `slots` is how many jobs Midjourney draws for it at a time, `max_queued` how many Tasks may wait here for a slot.
    `speed` is the mode in which the Account draws when a prompt names none; it selects the deadlines.
    All traffic of this Account with Discord goes through `proxy`; None: directly.
    `remix` is the Account's assumed Remix setting until the engine has read the real one.
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
