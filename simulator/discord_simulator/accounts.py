"""Who is there: users, the two bots, and the accounts with what Midjourney knows about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from .json_types import Json
from .tokens import token_of, user_id_of

if TYPE_CHECKING:
    from .messages import Message

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


@dataclass(eq=False)
class Channel:
    """A place for messages: an account's server channel, or its DM with one bot."""

    id: str
    account: Account
    guild_id: str | None = None  # None in a DM
    recipient: User | None = None  # the bot, in a DM
    messages: dict[str, Message] = field(default_factory=dict)  # by id, oldest first
    ephemeral: dict[str, Message] = field(default_factory=dict)  # never in the history

    @property
    def is_dm(self) -> bool:
        return self.guild_id is None

    @property
    def bots(self) -> tuple[User, ...]:
        """The bots whose commands may be used here."""
        return (self.recipient,) if self.recipient else self.account.bots.bots


@dataclass(eq=False)
class Account:
    """One Discord user with a server of its own, one channel there, and a DM with each bot.

    A listener has the same shape: a Discord bot of its owner's that sits in the server, sees its channel and no DM.
    """

    number: int  # 1-based
    token: str
    user: User
    guild_id: str
    bots: Installed = Installed.BOTH
    has_listener: bool = False  # whether the listener sits in the server
    listener: Account | None = None  # None for a listener itself
    plan: str = "Standard"  # Basic, Standard, Pro or Mega
    fast_minutes: float = 900.0  # left; 0 means that fast and turbo jobs are refused
    access: Access = Access.OK
    standing: Standing = Standing.GOOD
    settings: dict[str, BotSettings] = field(default_factory=dict)  # by application id
    channels: dict[str, Channel] = field(default_factory=dict)  # by id: the server channel first, then the DMs

    @property
    def channel(self) -> Channel:
        """The server channel."""
        return next(channel for channel in self.channels.values() if not channel.is_dm)

    @property
    def owner(self) -> Account:
        """Whose server it is: the account itself, but for a listener."""
        return self.channel.account

    @property
    def members(self) -> list[User]:
        """Who is in the server."""
        owner, listener = self.owner, self.present_listener
        return [owner.user, *owner.bots.bots, *([listener.user] if listener else [])]

    @property
    def present_listener(self) -> Account | None:
        """The listener in the server, if it sits there."""
        return self.owner.listener if self.owner.has_listener else None

    def dm(self, application_id: str) -> Channel:
        """The DM with one of the two bots."""
        return next(c for c in self.channels.values() if c.recipient and c.recipient.id == application_id)

    def reset(self) -> None:
        """Forget messages and settings; ids, channels and who is in the server stay."""
        fresh = make_account(self.number)
        self.plan, self.fast_minutes = fresh.plan, fresh.fast_minutes
        self.access, self.standing, self.settings = fresh.access, fresh.standing, fresh.settings
        for channel in self.channels.values():
            channel.messages.clear()
            channel.ephemeral.clear()


def default_settings() -> dict[str, BotSettings]:
    """Settings of an account that never opened /settings."""
    return {MJ_APPLICATION_ID: BotSettings(version="7.0"), NIJI_APPLICATION_ID: BotSettings(version="niji 7")}


def make_account(number: int, bots: Installed = Installed.BOTH) -> Account:
    """Make the n-th account; its token and ids follow from the number."""
    user = User(user_id_of(number), f"user{number}")
    guild_id = str(200_000_000_000_000_000 + number)
    account = Account(number, token_of(user.id), user, guild_id, bots, settings=default_settings())
    for channel in (
        Channel(str(300_000_000_000_000_000 + number), account, guild_id=account.guild_id),
        Channel(str(400_000_000_000_000_000 + number), account, recipient=MJ_BOT),
        Channel(str(500_000_000_000_000_000 + number), account, recipient=NIJI_BOT),
    ):
        account.channels[channel.id] = channel
    account.listener = _make_listener(account)
    return account


def _make_listener(owner: Account) -> Account:
    user = User(str(700_000_000_000_000_000 + owner.number), f"listener{owner.number}", bot=True, discriminator="0001")
    channels = {owner.channel.id: owner.channel}
    return Account(owner.number, token_of(user.id), user, owner.guild_id, channels=channels)
