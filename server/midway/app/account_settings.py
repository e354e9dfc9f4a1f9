"""The settings of Accounts, in midway.toml or MIDWAY_ACCOUNTS."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from midway.app.discord_proxy import ProxyAddress, proxy_of
from midway.domain.account import MAX_QUEUED, SLOTS
from midway.domain.action import Speed
from midway.domain.ids import AccountId, ChannelId, GuildId
from midway.engine.account_config import AccountConfig
from midway.outbound.proxy import Proxy

SNOWFLAKE = r"^\d{15,20}$"  # Discord's ids, as decimal strings
DEMO_QUEUED = 1000  # Tasks; enough to try Midway out with hundreds of prompts at once


class NothingToDrawWith(Exception):
    """The settings name no Discord account and no simulator."""

    def __init__(self) -> None:
        super().__init__(
            "no Discord account: add [[accounts]] to midway.toml, or set MIDWAY_ACCOUNTS or MIDWAY_SIMULATOR_URL; "
            "`midway stack` brings its own simulator"
        )


class AccountSettings(BaseModel):
    """One `[[accounts]]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(min_length=1, description="Token of the Discord account; never logged")
    channel_id: str = Field(pattern=SNOWFLAKE, description="Channel to work in")
    guild_id: str | None = Field(
        None,
        pattern=SNOWFLAKE,
        description="Server of that channel, with the Midjourney bot in it; unset: direct messages",
    )
    slots: int = Field(SLOTS, ge=1, description="How many jobs your plan draws at once")
    max_queued: int = Field(
        MAX_QUEUED, ge=0, description="How many Tasks may wait for the account; further ones are refused"
    )
    speed: Speed = Field(
        Speed.FAST, description="Mode of prompts that name none: fast, relax or turbo; relax jobs get more time"
    )
    remix: bool = Field(False, description="Whether Remix mode is on, until the bot tells")
    proxy: ProxyAddress | None = Field(
        None, description="Its own proxy to Discord; `direct`: none. Unset: `MIDWAY_DISCORD_PROXY`"
    )

    def config(self, default_proxy: Proxy | None = None) -> AccountConfig:
        """Return the engine's configuration; the Account's id is its channel's, as in the old API."""
        return AccountConfig(
            id=AccountId(self.channel_id),
            token=self.token.get_secret_value(),
            guild_id=GuildId(self.guild_id) if self.guild_id else None,
            channel_id=ChannelId(self.channel_id),
            slots=self.slots,
            max_queued=self.max_queued,
            speed=self.speed,
            remix=self.remix,
            proxy=default_proxy if self.proxy is None else proxy_of(self.proxy),
        )


def simulator_account(number: int) -> AccountSettings:
    """Return the settings of the simulator's n-th demo account, counted from 1."""
    return AccountSettings(
        token=SecretStr(f"simulator-account-{number}"),
        guild_id=str(200_000_000_000_000_000 + number),
        channel_id=str(300_000_000_000_000_000 + number),
        max_queued=DEMO_QUEUED,
    )
