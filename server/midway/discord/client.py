"""One Account's Discord client: the engine's only access to the library."""

import logging
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver

from midway.discord.acceptance import Acceptances
from midway.discord.command_index import CommandIndex
from midway.discord.decode import decode
from midway.discord.endpoints import ClientProfile, Endpoints
from midway.discord.event import Event, Message
from midway.discord.gateway import Gateway
from midway.discord.interaction import Interaction
from midway.discord.interaction_sender import InteractionSender
from midway.discord.json_types import Raw
from midway.discord.library import assert_supported
from midway.discord.modals import Modals
from midway.discord.partial_file import PartialFile
from midway.discord.port import EventSink, UploadedFile
from midway.discord.recent import RecentMessages
from midway.discord.rest import Rest
from midway.discord.route import Way
from midway.discord.settings import ClientSettings
from midway.discord.transfer import Transfer
from midway.discord.upload import Uploader
from midway.domain.ids import ChannelId, GuildId, MessageId, Nonce
from midway.domain.image import InputImage
from midway.outbound.proxy import Proxy

LOG = logging.getLogger(__name__)


class DiscordClient:
    """Implements `port.Connection` on discord.py-self; the methods' contracts are documented there.

    Events of guilds other than the Account's own are dropped: Discord sends a user account those of all its guilds. An
    Account without a guild works in its direct-message channels only. All traffic to Discord goes through the proxy,
    if there is one. `names` resolves host names; without it each library uses its own resolver.
    """

    def __init__(
        self,
        token: str,
        guild_id: GuildId | None,
        *,
        endpoints: Endpoints,
        profile: ClientProfile | None = None,
        settings: ClientSettings | None = None,
        proxy: Proxy | None = None,
        names: AbstractResolver | None = None,
    ) -> None:
        assert_supported()
        profile, settings = profile or ClientProfile(), settings or ClientSettings()
        self._guild_id = guild_id
        self._recent = RecentMessages()
        self._acceptances = Acceptances()
        self._modals = Modals()
        self._gateway = Gateway(
            token,
            guild_id,
            endpoints=endpoints,
            profile=profile,
            settings=settings,
            way=Way(proxy, names),
            dispatched=self._dispatched,
        )
        self._rest = Rest(self._gateway, settings.request_timeout)
        commands = CommandIndex(self._rest.commands)
        self._sender = InteractionSender(self._gateway, commands, self._modals, self._acceptances, settings)
        self._transfer = Transfer(endpoints, profile.user_agent, settings, proxy, names)
        self._uploader = Uploader(self._rest, self._transfer)
        self._sink: EventSink

    @property
    def is_connected(self) -> bool:
        """Whether a gateway session is up."""
        return self._gateway.is_up

    @property
    def token(self) -> str:
        """The current token; Discord may have replaced the one given, which is then no longer valid."""
        return self._gateway.token

    async def run(self, sink: EventSink) -> None:
        """Stay connected until cancelled or the token is refused; hand every event to `sink`, in order."""
        self._sink = sink
        try:
            async with self._transfer:
                await self._gateway.run(sink)
        finally:
            await self._sender.close()

    async def interact(self, interaction: Interaction, nonce: Nonce) -> None:
        """Send one Interaction; return when Discord accepted it."""
        await self._sender.send(interaction, nonce)

    async def submit_region(self, application_id: str, custom_id: str, mask_base64: str, prompt: str) -> None:
        """Send mask and prompt of a Vary (Region) iframe to the application."""
        await self._transfer.submit_region(application_id, custom_id, mask_base64, prompt)

    async def upload(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[UploadedFile]:
        """Upload pictures to Discord for a command's options."""
        return await self._uploader.upload(channel_id, images)

    async def post_images(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[str]:
        """Post pictures as messages of our own and return their CDN links, in order."""
        return await self._uploader.post(channel_id, images)

    async def history(
        self, channel_id: ChannelId, *, after: MessageId | None = None, limit: int = 100
    ) -> list[Message]:
        """Read messages newer than `after` (or the newest ones), oldest first."""
        return await self._rest.history(channel_id, after=after, limit=limit)

    async def message(self, channel_id: ChannelId, message_id: MessageId) -> Message | None:
        """Read one message again (its links are signed anew); None when it is gone."""
        return await self._rest.message(channel_id, message_id)

    async def direct_channel(self, application_id: str) -> ChannelId:
        """Open the direct-message channel with a bot, or find it."""
        return await self._rest.direct_channel(application_id)

    async def react(self, channel_id: ChannelId, message_id: MessageId, emoji: str) -> None:
        """Add a reaction to a message."""
        await self._rest.react(channel_id, message_id, emoji)

    async def download(self, url: str, file: PartialFile) -> None:
        """Download a file from the CDN, resuming where an earlier attempt ended."""
        await self._transfer.download(url, file)

    def _dispatched(self, name: str, raw: Raw) -> None:
        if raw.get("guild_id") not in (None, self._guild_id):
            return
        try:
            event = self._decoded(name, raw)
        except (KeyError, TypeError, ValueError) as err:
            # Only the event's name is logged: the rest may contain a prompt.
            LOG.warning("a %s from Discord could not be read: %s", name, type(err).__name__)
            return
        if event is not None:
            self._acceptances.observe(event)
            self._modals.observe(event)
            self._sink(event)

    def _decoded(self, name: str, raw: Raw) -> Event | None:
        if name == "MESSAGE_CREATE":
            raw = self._recent.created(raw)
        elif name == "MESSAGE_UPDATE":
            raw = self._recent.updated(raw)
        return decode(name, raw)
