"""Users, the two bots among them, and the settings that Discord and Midjourney keep about an account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .json_types import Json

MJ_APPLICATION_ID = "936929561302675456"
NIJI_APPLICATION_ID = "1022952195194359889"


@dataclass(frozen=True)
class User:
    """A Discord user; a bot's user id equals its application id."""

    id: str
    username: str
    bot: bool = False
    discriminator: str = "0"

    def payload(self) -> Json:
        """Show the user as messages and READY do."""
        return {
            "id": self.id,
            "username": self.username,
            "global_name": None if self.bot else self.username.title(),
            "discriminator": self.discriminator,
            "avatar": None,
            "bot": self.bot,
            "public_flags": 65536 if self.bot else 0,
        }


MJ_BOT = User(MJ_APPLICATION_ID, "Midjourney Bot", bot=True, discriminator="9282")
NIJI_BOT = User(NIJI_APPLICATION_ID, "niji・journey Bot", bot=True, discriminator="6982")
BOTS = {bot.id: bot for bot in (MJ_BOT, NIJI_BOT)}


class Installed(StrEnum):
    """Which of the two bots are in an account's server."""

    BOTH = "both"
    MJ = "mj"
    NIJI = "niji"

    @property
    def bots(self) -> tuple[User, ...]:
        return _INSTALLED[self]


_INSTALLED = {Installed.BOTH: (MJ_BOT, NIJI_BOT), Installed.MJ: (MJ_BOT,), Installed.NIJI: (NIJI_BOT,)}


class Access(StrEnum):
    """What Discord itself allows the account."""

    OK = "ok"
    REVOKED = "revoked"  # token invalid: 401 everywhere, gateway close 4004
    UNVERIFIED = "unverified"  # 403 with code 40002 until the account's owner verifies it


class Standing(StrEnum):
    """What Midjourney thinks of the account; all but GOOD answer every command with an embed."""

    GOOD = "good"
    BLOCKED = "blocked"
    PENDING_MOD = "pending_mod"
    VERIFY = "verify"
    TOS = "tos"
    SUBSCRIPTION_REQUIRED = "subscription_required"
    SUBSCRIPTION_PAUSED = "subscription_paused"
    PLAN_CANCELLED = "plan_cancelled"


class Mode(StrEnum):
    """Speed at which jobs run; the value is the flag's and the command's name."""

    FAST = "fast"
    RELAX = "relax"
    TURBO = "turbo"


@dataclass
class BotSettings:
    """One account's settings with one of the two bots, as its /settings panel shows them."""

    version: str
    mode: Mode = Mode.FAST
    remix: bool = False
    high_variation: bool = True
    stealth: bool = False
    raw: bool = False
    personalize: bool = False
    stylize: int = 100


def default_settings() -> dict[str, BotSettings]:
    """Settings of an account that never opened /settings."""
    return {MJ_APPLICATION_ID: BotSettings(version="7.0"), NIJI_APPLICATION_ID: BotSettings(version="niji 7")}
