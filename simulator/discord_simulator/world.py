"""The state of the simulated Discord, and the verbs by which the bot acts in it.

For the bot: `world.clock.call_later(bot_seconds, function, *args)`, `world.random`, `world.new_uuid()`,
`world.options`, `world.journal.job(...)`, and the verbs of World. All are synchronous and journal themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Protocol, TypedDict, Unpack
from uuid import UUID

from .accounts import BOTS, Account, Channel, User, make_account
from .clock import Clock
from .commands import CommandIndex
from .faults.base import Fault, Faults
from .faults.sockets import SocketFault
from .files import Files
from .interaction import Interaction, Modal
from .journal import Journal
from .json_types import Json
from .messages import Attachment, KeptPicture, Message, Picture, gateway_keys, message_payload
from .options import Options
from .rate_limit import RateLimit
from .sessions import Event, Sessions
from .snowflake import Ids, Snowflakes
from .studio import Studio
from .uploads import Uploads


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


class Changes(TypedDict, total=False):
    """What World.edit can change; a key left out stays as it is."""

    content: str
    flags: int
    embeds: list[Json]
    components: list[Json]
    attachments: Sequence[Picture | KeptPicture]
    job_id: str | None


class World:
    """Accounts, channels, messages and sessions; one lives as long as one simulator."""

    def __init__(self, *, accounts: int, seed: int | None, speed: float, options: Options | None = None) -> None:
        self.options = options or Options()
        self.clock = Clock(speed)
        self.random = Random(seed)
        self.ids = Snowflakes.for_seed(seed)
        self.journal = Journal(self.clock)
        self.faults = Faults()
        self.sessions = Sessions(self.faults, self.journal, self.clock)
        self.files = Files(self.clock, self.options, self.random)
        self.studio = Studio()
        self.uploads = Uploads(self.random)
        self.commands = CommandIndex()
        self.accounts = [make_account(number) for number in range(1, accounts + 1)]
        self.modals: dict[str, Modal] = {}  # open ones, by the id of the click that opened them
        self.nonces: set[str] = set()  # every nonce accepted so far
        self.rate_limits: dict[int, RateLimit] = {}  # by account number

    def account_by_token(self, token: str) -> Account | None:
        """Find an account, revoked or not."""
        return next((account for account in self.accounts if account.token == token), None)

    def channel(self, channel_id: str) -> Channel | None:
        """Find any account's channel."""
        return next((a.channels[channel_id] for a in self.accounts if channel_id in a.channels), None)

    def new_uuid(self) -> str:
        """Make a job UUID; the same sequence for the same seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def interaction_created(self, interaction: Interaction) -> None:
        """Tell the invoking session that Discord took the interaction."""
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
        session_id: str | None = None,
        attachments: Sequence[Picture | KeptPicture] = (),
        ids: Ids | None = None,
        **properties: Unpack[MessageProperties],
    ) -> Message:
        """Post a message and emit MESSAGE_CREATE.

        With flag 64 (ephemeral) only one session sees it, the interaction's unless `session_id` names another,
        and no history holds it. Mentions follow from the content. `ids` holds ids taken earlier: the message's own
        and one for each attachment.
        """
        ids = ids or self.ids
        message = Message(ids.next(), channel, author, content, self.clock.now(), **properties)
        self._attach(message, attachments, ids)
        if message.is_ephemeral:
            message.session_id = session_id or (message.interaction.session_id if message.interaction else None)
        (channel.ephemeral if message.is_ephemeral else channel.messages)[message.id] = message
        self._emit_message("MESSAGE_CREATE", message, {"nonce": nonce} if nonce else {})
        return message

    def edit(self, message: Message, *, ids: Ids | None = None, **changes: Unpack[Changes]) -> None:
        """Change a message and emit MESSAGE_UPDATE with the whole of it; attachments replace the old ones.

        `ids` holds ids taken earlier for the attachments.
        """
        if message.deleted:
            return
        pictures = changes.pop("attachments", None)
        for name, value in changes.items():
            setattr(message, name, value)
        if pictures is not None:
            self._attach(message, pictures, ids or self.ids)
        message.edited_at = self.clock.now()
        self._emit_message("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Delete a message and emit MESSAGE_DELETE; its pictures stay on the CDN, as Discord's do for a while."""
        if message.deleted:
            return
        message.deleted = True
        channel = message.channel
        (channel.ephemeral if message.is_ephemeral else channel.messages).pop(message.id, None)
        data: Json = {"id": message.id, "channel_id": channel.id}
        data |= {"guild_id": channel.guild_id} if channel.guild_id else {}
        self.sessions.emit(Event("MESSAGE_DELETE", channel.account, data, message.session_id, message.job_id))

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
        self.studio.clear()
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

    def _attach(self, message: Message, pictures: Sequence[Picture | KeptPicture], ids: Ids) -> None:
        kept = (self.files.keep(picture) if isinstance(picture, Picture) else picture for picture in pictures)
        message.attachments = [Attachment(ids.next(), message.channel.id, picture) for picture in kept]
        for attachment in message.attachments:
            self.files.add(attachment)

    def _emit_message(self, name: str, message: Message, extra: Json | None = None) -> None:
        data = message_payload(message, self.files.links) | gateway_keys(message) | (extra or {})
        self.sessions.emit(Event(name, message.channel.account, data, message.session_id, message.job_id))

    @staticmethod
    def _application(interaction: Interaction) -> Json:
        bot = BOTS[interaction.application_id]
        return {"id": bot.id, "name": bot.username}
