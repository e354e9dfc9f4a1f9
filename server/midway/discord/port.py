"""The connection of one Account to Discord, as the engine uses it. `client.DiscordClient` implements it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from midway.discord.event import Event, Message
from midway.discord.interaction import Interaction
from midway.discord.partial_file import PartialFile
from midway.domain.ids import ChannelId, MessageId, Nonce
from midway.domain.image import InputImage

EventSink = Callable[[Event], None]


class UploadedFile(Struct, frozen=True):
    """A file uploaded to Discord, to be referred to in a command's options."""

    filename: str
    uploaded_filename: str


class Connection(Protocol):
    """One Account's connection to Discord. Everything but `run` raises a DiscordError on failure."""

    @property
    def is_connected(self) -> bool:
        """Whether a gateway session is up."""

    async def run(self, sink: EventSink) -> None:
        """Stay connected until cancelled or the token is refused; hand every event to `sink`, in order.

        The sink is called on the event loop and must not block. Returns after TokenRefused.
        """

    async def interact(self, interaction: Interaction, nonce: Nonce) -> None:
        """Send one Interaction; return when Discord has accepted it (204, or an event that proves it).

        Raises Rejected if it certainly did not, Unknown if that is uncertain, NotConnected if nothing was sent.
        """

    async def submit_region(self, application_id: str, custom_id: str, mask_base64: str, prompt: str) -> None:
        """Send mask and prompt of a Vary (Region) iframe to the application. Raises as `interact`."""

    async def upload(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[UploadedFile]:
        """Upload pictures to Discord for a command's options. Raises UploadFailed."""

    async def post_images(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[str]:
        """Post pictures as messages of our own and return their CDN links, in order. Raises UploadFailed."""

    async def history(
        self, channel_id: ChannelId, *, after: MessageId | None = None, limit: int = 100
    ) -> list[Message]:
        """Read messages newer than `after` (or the newest ones), oldest first."""

    async def message(self, channel_id: ChannelId, message_id: MessageId) -> Message | None:
        """Read one message again (its links are signed anew); None when it is gone."""

    async def direct_channel(self, application_id: str) -> ChannelId:
        """Open the direct-message channel with a bot, or find it."""

    async def react(self, channel_id: ChannelId, message_id: MessageId, emoji: str) -> None:
        """Add a reaction to a message."""

    async def download(self, url: str, file: PartialFile) -> None:
        """Download a file from the CDN, resuming where an earlier attempt ended.

        Raises Rejected when the link has expired, FileTooLarge, and OSError when the disk fails. After Unknown, another
        attempt resumes, even with another link to the same file.
        """
