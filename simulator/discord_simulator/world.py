"""The state of the simulated Discord, and the methods by which the bots act in it.

For the bot: `world.clock.call_later(bot_seconds, function, *args)`, `world.random`, `world.new_uuid()`,
`world.options`, `world.journal.job(...)`, and the methods of World. All are synchronous and journal themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Protocol, TypedDict, Unpack
from uuid import UUID

from .attachments import Attachment, KeptPicture, Picture
from .clock import Clock
from .commands import CommandIndex
from .drawing_pool import DrawingPool
from .entities import Account, Channel, Interaction, Message, Modal, make_account
from .fault import Fault, Faults
from .files import Files
from .journal import Journal
from .json_types import Json
from .message_payloads import gateway_keys, guild_keys, message_payload
from .options import Options
from .rate_limit import RateLimit
from .sessions import Event, Sessions, SocketFault
from .snowflake import Ids, Snowflakes
from .tokens import nickname_of
from .uploads import Uploads
from .users import BOTS, Installed, User


class Bot(Protocol):
    """What answers the interactions: Midjourney's bot, or a small one in a test."""

    def interaction(self, interaction: Interaction) -> None:
        """Take an accepted interaction; schedule every event, from INTERACTION_CREATE on."""

    def reaction(self, account: Account, message: Message, emoji: str) -> None:
        """Take a reaction that the account put on a message."""

    def inpaint(self, token: str, mask_png: bytes, prompt: str) -> bool:
        """Take a Vary Region form; False when no open iframe has this token."""

    def reset(self) -> None:
        """Forget every job."""


BOT_PREFIX = "Bot "  # before a bot's token in requests; IDENTIFY takes it with and without
BotFactory = Callable[["World"], Bot]


class MessageProperties(TypedDict, total=False):
    """What World.post can set besides the content; the defaults are Message's."""

    type: int
    flags: int
    interaction: Interaction | None
    reference: Message | None
    embeds: list[Json]
    components: list[Json]
    job_id: str | None
    mentions_user: bool


class Changes(TypedDict, total=False):
    """What World.edit can change; a missing key leaves the value unchanged."""

    content: str
    flags: int
    embeds: list[Json]
    components: list[Json]
    attachments: Sequence[Picture | KeptPicture | Attachment]  # an Attachment keeps its id and link
    job_id: str | None


class World:
    """Accounts, channels, messages and sessions; one lives as long as one simulator."""

    def __init__(
        self,
        *,
        accounts: int,
        seed: int | None,
        speed: float,
        options: Options | None = None,
        bots: Installed = Installed.BOTH,
    ) -> None:
        self.options = options or Options()
        self.clock = Clock(speed)
        self.random = Random(seed)
        self.ids = Snowflakes.for_seed(seed if self.options.repeats_ids else None)
        self.journal = Journal(self.clock)
        self.faults = Faults()
        self.sessions = Sessions(self.faults, self.journal, self.clock)
        self.files = Files(self.clock, self.options, self.random)
        self._channels: dict[str, Channel] = {}  # every account's, by id
        self.drawing_pool = DrawingPool()
        self.uploads = Uploads(self.random)
        self.commands = CommandIndex()
        self.accounts: list[Account] = []
        self._by_token: dict[str, Account] = {}  # users by token and nickname, listeners by token
        self.modals: dict[str, Modal] = {}  # open ones, by the id of the click that opened them
        self.nonces: set[str] = set()  # every nonce accepted so far
        self.rate_limits: dict[int, RateLimit] = {}  # by account number
        for _ in range(accounts):
            self.add_account(bots)

    def add_account(self, bots: Installed = Installed.BOTH) -> Account:
        """Add the next account, with these bots in its server."""
        account = make_account(len(self.accounts) + 1, bots)
        self.accounts.append(account)
        self._channels |= account.channels
        self._by_token |= {account.token: account, nickname_of(account.number): account}
        if account.listener:
            self._by_token[account.listener.token] = account.listener
        return account

    def account_by_token(self, token: str) -> Account | None:
        """Return the owner of IDENTIFY's token, revoked or not: an account, or a listener that is in its server."""
        account = self._by_token.get(token.removeprefix(BOT_PREFIX))
        is_there = account is None or not account.user.bot or account.owner.has_listener
        return account if is_there else None

    def account_by_authorization(self, header: str) -> Account | None:
        """Return the owner of a request's token: a bot's token must be preceded by `Bot `, a user's must not."""
        account = self.account_by_token(header)
        return account if account and account.user.bot is header.startswith(BOT_PREFIX) else None

    def channel(self, channel_id: str) -> Channel | None:
        """Find any account's channel."""
        return self._channels.get(channel_id)

    def new_uuid(self) -> str:
        """Make a job UUID; the same sequence for the same seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def interaction_created(self, interaction: Interaction) -> None:
        """Tell the invoking session, or all where none is known, that Discord took the interaction."""
        self._answer("INTERACTION_CREATE", interaction)

    def interaction_succeeded(self, interaction: Interaction) -> None:
        """Tell the invoking session that the bot answered in time."""
        self._answer("INTERACTION_SUCCESS", interaction)

    def interaction_failed(self, interaction: Interaction, *, reason_code: int = 3) -> None:
        """Tell the invoking session that the bot did not answer (3) or answered wrongly."""
        self._answer("INTERACTION_FAILURE", interaction, reason_code=reason_code)

    def modal(self, interaction: Interaction, custom_id: str, title: str, components: list[Json]) -> Modal:
        """Open a form for the invoking session; it can be submitted once, under the click's interaction id."""
        modal = self.modals[interaction.id] = Modal(interaction, custom_id, title, components)
        self._answer(
            "INTERACTION_MODAL_CREATE",
            interaction,
            channel_id=interaction.channel.id,
            custom_id=custom_id,
            title=title,
            application=self._application(interaction),
            components=components,
            resolved={},
        )
        return modal

    def iframe(self, interaction: Interaction, custom_id: str, title: str, iframe_path: str) -> None:
        """Open an embedded page for the invoking session: Vary Region's editor, or a verification."""
        self._answer(
            "INTERACTION_IFRAME_MODAL_CREATE",
            interaction,
            channel_id=interaction.channel.id,
            custom_id=custom_id,
            title=title,
            application=self._application(interaction),
            iframe_path=iframe_path,
            modal_size=3,
        )

    def post(
        self,
        channel: Channel,
        author: User,
        content: str,
        *,
        nonce: str | None = None,
        attachments: Sequence[Picture | KeptPicture] = (),
        ids: Ids | None = None,
        **properties: Unpack[MessageProperties],
    ) -> Message:
        """Post a message and emit MESSAGE_CREATE.

        With flag 64 (ephemeral) only the account's own sessions see it, and no history holds it. Mentions follow from
        the content. `ids` holds ids taken earlier: the message's own and one for each attachment.
        """
        ids = ids or self.ids
        message = Message(ids.next(), channel, author, content, self.clock.now(), **properties)
        message.number_components()
        self._attach(message, attachments, ids)
        (channel.ephemeral if message.is_ephemeral else channel.messages)[message.id] = message
        self._emit_message("MESSAGE_CREATE", message, {"nonce": nonce} if nonce else {})
        return message

    def edit(
        self, message: Message, *, ids: Ids | None = None, nonce: str | None = None, **changes: Unpack[Changes]
    ) -> None:
        """Change a message and emit MESSAGE_UPDATE with the whole of it; attachments replace the old ones.

        `ids` holds ids taken earlier for the attachments.
        """
        if message.deleted:
            return
        pictures = changes.pop("attachments", None)
        for name, value in changes.items():
            setattr(message, name, value)
        message.number_components()
        if pictures is not None:
            self._attach(message, pictures, ids or self.ids)
        message.edited_at = self.clock.now()
        self._emit_message("MESSAGE_UPDATE", message, {"nonce": nonce} if nonce else {})

    def unfurl(self, message: Message, embed: Json) -> None:
        """Add the preview of a linked page, as Discord does by a MESSAGE_UPDATE that is no edit."""
        if not message.deleted:
            message.embeds = [*message.embeds, embed]
            self._emit_message("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Delete a message and emit MESSAGE_DELETE; its pictures stay on the CDN, as Discord's do for a while."""
        if message.deleted:
            return
        message.deleted = True
        channel = message.channel
        (channel.ephemeral if message.is_ephemeral else channel.messages).pop(message.id, None)
        data = {"id": message.id, "channel_id": channel.id} | guild_keys(message)
        self.sessions.emit(Event("MESSAGE_DELETE", channel.account, data, job_id=message.job_id))

    def inject(self, fault: Fault) -> None:
        """Arm a fault; one that strikes sockets and names no event strikes at once."""
        if not isinstance(fault, SocketFault) or fault.event:
            self.faults.arm(fault)
            return
        for account in self.accounts:
            if fault.account in (None, account.number):
                self.journal.write("fault", account, fault=type(fault).__name__)
                fault.strike_all(self.sessions.of(account), self.sessions)

    @contextmanager
    def incident(self, *faults: Fault) -> Iterator[None]:
        """Let faults happen inside a `with` block only: what is not spent at its end is disarmed."""
        for fault in faults:
            self.inject(fault)
        try:
            yield
        finally:
            for fault in faults:
                self.faults.disarm(fault)

    def fetch_picture(self, url: str) -> bytes | None:
        """Read a picture by one of the simulator's own links; None for another host, a wrong or an expired link."""
        return self.files.fetch(url)

    def reset(self) -> None:
        """Go back to the state after start-up, but for the connected sessions, the journal's numbers and the ids."""
        self.clock.clear()
        self.drawing_pool.clear()
        self.faults.clear()
        self.sessions.clear()
        self.files.clear()
        self.uploads.clear()
        self.commands.reset()
        self.modals.clear()
        self.nonces.clear()
        self.rate_limits.clear()
        self.journal.clear()
        for account in self.accounts:
            account.reset()

    def _answer(self, name: str, interaction: Interaction, **extra: object) -> None:
        # discord.py-self splats INTERACTION_CREATE into a constructor: no key beyond id and nonce there.
        data: Json = {"id": interaction.id} | ({"nonce": interaction.nonce} if interaction.nonce else {}) | extra
        self.sessions.emit(Event(name, interaction.account, data, interaction.session_id))

    def _attach(self, message: Message, files: Sequence[Picture | KeptPicture | Attachment], ids: Ids) -> None:
        message.attachments = [
            file if isinstance(file, Attachment) else self._attachment(file, message, ids) for file in files
        ]

    def _attachment(self, picture: Picture | KeptPicture, message: Message, ids: Ids) -> Attachment:
        kept = self.files.keep(picture) if isinstance(picture, Picture) else picture
        attachment = Attachment(ids.next(), message.channel.id, kept)
        self.files.add(attachment)
        return attachment

    def _emit_message(self, name: str, message: Message, extra: Json | None = None) -> None:
        data = message_payload(message, self.files.links) | gateway_keys(message) | (extra or {})
        self.sessions.emit(Event(name, message.channel.account, data, job_id=message.job_id))

    @staticmethod
    def _application(interaction: Interaction) -> Json:
        bot = BOTS[interaction.application_id]
        return {"id": bot.id, "name": bot.username}
