"""Accounts as an operator writes them, in midway.toml or MIDWAY_ACCOUNTS."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from midway.app.discord_proxy import ProxyAddress, proxy_of
from midway.domain.action import Speed
from midway.domain.ids import AccountId, ChannelId, GuildId
from midway.engine.account import AccountConfig
from midway.outbound.proxy import Proxy

SNOWFLAKE = r"^\d{15,20}$"  # Discord's ids, as decimal strings
DEMO_QUEUED = 1000  # Tasks: who tries Midway out with hundreds of prompts at once shall see them all drawn


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

    token: SecretStr = Field(min_length=1, description="Discord's token of the user")
    channel_id: str = Field(pattern=SNOWFLAKE, description="channel that it works in")
    guild_id: str | None = Field(None, pattern=SNOWFLAKE, description="server of that channel")
    slots: int = Field(3, ge=1, description="jobs that Midjourney draws for it at once")
    max_queued: int = Field(10, ge=0, description="Tasks that may wait for it")
    speed: Speed = Field(Speed.FAST, description="mode that it draws in where a prompt names none")
    remix: bool = Field(False, description="whether its Remix mode is on, until the bot tells")
    proxy: ProxyAddress | None = Field(
        None, description="its own proxy to Discord; `direct`: none; unset: `MIDWAY_DISCORD_PROXY`"
    )

    def config(self, default_proxy: Proxy | None = None) -> AccountConfig:
        """Build the engine's view; the Account is known by its channel, as in the old API."""
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
    """Describe the simulator's n-th demo account, counted from 1."""
    return AccountSettings(
        token=SecretStr(f"simulator-account-{number}"),
        guild_id=str(200_000_000_000_000_000 + number),
        channel_id=str(300_000_000_000_000_000 + number),
        max_queued=DEMO_QUEUED,
    )
