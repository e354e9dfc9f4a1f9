"""Accounts, channels, messages and interactions: each refers to the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .attachments import Attachment
from .json_types import Json
from .reactions import Reactions
from .tokens import token_of, user_id_of
from .users import MJ_BOT, NIJI_BOT, Access, BotSettings, Installed, Standing, User, default_settings

EPHEMERAL = 64  # flag: only the account itself sees the message, and no history holds it
LOADING = 128  # flag: "thinking…"
DEFAULT, PIN_NOTICE, REPLY, COMMAND_REPLY = 0, 6, 19, 20  # message types
COMMAND, COMPONENT, MODAL_SUBMIT = 2, 3, 5  # interaction types
SUB_COMMAND = 1  # option type


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


@dataclass(eq=False)
class Message:
    """One message; the bot changes it only through World.edit and World.delete."""

    id: str
    channel: Channel
    author: User
    content: str
    created_at: datetime
    type: int = DEFAULT
    flags: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    reference: Message | None = None  # the message replied to
    interaction: Interaction | None = None  # shown as interaction_metadata
    job_id: str | None = None  # for the journal and the bot; never on the wire
    mentions_user: bool = False  # the account's, also where the content does not
    edited_at: datetime | None = None
    pinned_at: datetime | None = None
    reactions: Reactions = field(default_factory=Reactions)
    deleted: bool = False

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    def number_components(self) -> None:
        """Give each component without an `id` its number in the message, as Discord does."""
        for number, component in enumerate(_leaves(self.components), start=1):
            component.setdefault("id", number)

    def component(self, custom_id: str) -> Json | None:
        """Find the button or select menu with this custom id."""
        return next((c for c in _leaves(self.components) if c.get("custom_id") == custom_id), None)


@dataclass(frozen=True)
class Upload:
    """A file that a client sent, as one command or message refers to it."""

    id: str  # the attachment id in the request; an attachment option's value
    filename: str
    content: bytes


@dataclass(frozen=True)
class Modal:
    """A modal that the bot opened and that has not been submitted yet."""

    opened_by: Interaction  # the click; its id is the id that the submit must name
    custom_id: str
    title: str
    components: list[Json]


@dataclass(eq=False)
class Interaction:
    """One accepted POST /interactions."""

    id: str
    nonce: str | None
    type: int
    account: Account
    application_id: str
    channel: Channel
    session_id: str | None  # the session that receives its events; None = all of the account's
    data: Json
    message: Message | None = None  # component: the message that holds it; modal submit: the clicked one
    uploads: list[Upload] = field(default_factory=list)
    modal: Modal | None = None  # modal submit only

    @property
    def name(self) -> str | None:
        """The command with its sub-command, as in `prefer remix`; None for other types."""
        if self.type != COMMAND:
            return None
        sub_commands = [o["name"] for o in self.data.get("options", []) if o["type"] == SUB_COMMAND]
        return " ".join([str(self.data["name"]), *sub_commands])

    @property
    def custom_id(self) -> str | None:
        """The component's or modal's custom id; None for a command."""
        return self.data.get("custom_id")

    @property
    def options(self) -> dict[str, Any]:
        """The command's option values by name."""
        return {o["name"]: o["value"] for o in self.data.get("options", []) if "value" in o}

    @property
    def values(self) -> list[str]:
        """The values chosen in a select menu."""
        return list(self.data.get("values", []))

    @property
    def fields(self) -> dict[str, str]:
        """The submitted text fields of a modal by custom id."""
        return {f["custom_id"]: f.get("value", "") for f in _text_fields(self.data.get("components", []))}

    def upload(self, attachment_id: object) -> Upload | None:
        """Find the file that an attachment option's value points to."""
        return next((u for u in self.uploads if u.id == str(attachment_id)), None)


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


def _leaves(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from _leaves(component.get("components") or [])


def _text_fields(rows: list[Json]) -> list[Json]:
    """List the inputs of a modal, whether they sit in action rows or in labels."""
    nested = (row.get("components") or [row.get("component") or {}] for row in rows)
    return [field for fields in nested for field in fields if "custom_id" in field]
