"""An Account: the Discord identity that acts, and its state."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from midway.domain.errors import Hindrance
from midway.domain.ids import AccountId, ChannelId, GuildId, UserId

SLOTS = 3  # the default: how many jobs Midjourney's smaller plans draw at once
MAX_QUEUED = 100  # the default; one prompt may make 40 Tasks (`max_jobs_per_prompt`), all queued at once


class AccountState(StrEnum):
    """An Account's place in its life."""

    DISCONNECTED = "DISCONNECTED"  # no gateway session now; reconnecting
    ACTIVE = "ACTIVE"
    LIMITED = "LIMITED"  # fast hours used up; relax work only
    PAUSED = "PAUSED"  # needs a person; no work until the operator resumes it
    INVALID = "INVALID"  # the token is refused


class Account(Struct, frozen=True, kw_only=True):
    """A snapshot of one Account, for display and for choosing an Account; never holds the token.

    `reason` explains the state to people. `remix` is the Account's own setting as last seen.
    """

    id: AccountId
    channel_id: ChannelId
    guild_id: GuildId | None
    state: AccountState = AccountState.DISCONNECTED
    reason: str = ""
    since: datetime
    user_id: UserId | None = None
    user_name: str = ""
    slots: int = SLOTS
    max_queued: int = MAX_QUEUED
    running: int = 0
    queued: int = 0
    remix: bool = False
    unknown_remarks: int = 0  # messages from Midjourney that were not recognised, since the server's start

    @property
    def hindrance(self) -> Hindrance:
        """Why it takes no work; meaningful only if it takes none."""
        return Hindrance(self.id, self.state.value, self.reason)

    @property
    def takes_work(self) -> bool:
        """Whether a new Interaction may be sent from it now."""
        return self.state in {AccountState.ACTIVE, AccountState.LIMITED}
