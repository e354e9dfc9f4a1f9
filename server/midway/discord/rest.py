"""REST calls on channels, except Interactions."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from discord.http import Route

from midway.discord.decode import decode_message
from midway.discord.errors import Unknown
from midway.discord.event import Message
from midway.discord.failure import answered_within
from midway.discord.gateway import Gateway
from midway.discord.interaction import Command
from midway.discord.json_types import Raw, objects, snowflake, text
from midway.discord.port import UploadedFile
from midway.domain.ids import ChannelId, MessageId

LOG = logging.getLogger(__name__)

PAGE_SIZE = 100  # messages; Discord's maximum


class Rest:
    """REST calls of one Account, each within the request time-out. Raises a DiscordError on failure."""

    def __init__(self, gateway: Gateway, timeout: timedelta) -> None:
        self._gateway = gateway
        self._timeout = timeout

    async def history(self, channel_id: ChannelId, *, after: MessageId | None, limit: int) -> list[Message]:
        """Read messages newer than `after` (or the newest ones), oldest first."""
        read: list[Raw] = []
        place: Raw = {"after": after} if after else {}
        while len(read) < limit:
            wanted = min(PAGE_SIZE, limit - len(read))
            page = await self._page(channel_id, limit=wanted, **place)
            read += page
            ids = [known for raw in page if (known := snowflake(raw, "id"))]
            if len(page) < wanted or not ids:
                break
            place = {"after": ids[-1]} if after else {"before": ids[0]}
        return [message for raw in sorted(read, key=_age) if (message := _readable(raw))]

    async def message(self, channel_id: ChannelId, message_id: MessageId) -> Message | None:
        """Read one message again; None when it is gone.

        Source: only bots may fetch a single message by id; Discord's own client fetches the messages around it.
        """
        page = await self._page(channel_id, limit=1, around=message_id)
        return next((_readable(raw) for raw in page if text(raw, "id") == message_id), None)

    async def commands(self, command: Command) -> Raw:
        """Read the command index of the command's guild or direct-message channel."""
        if command.guild_id:
            return await self._object("GET", "/guilds/{guild_id}/application-command-index", guild_id=command.guild_id)
        path = "/channels/{channel_id}/application-command-index"
        return await self._object("GET", path, channel_id=command.channel_id)

    async def direct_channel(self, application_id: str) -> ChannelId:
        """Open the direct-message channel with a bot, or find it."""
        channel = await self._object("POST", "/users/@me/channels", json={"recipients": [application_id]})
        return ChannelId(text(channel, "id"))

    async def react(self, channel_id: ChannelId, message_id: MessageId, emoji: str) -> None:
        """Add a reaction to a message."""
        async with answered_within(self._timeout):
            await self._gateway.http.add_reaction(channel_id, message_id, emoji)

    async def upload_places(self, channel_id: ChannelId, files: Sequence[tuple[str, int]]) -> list[Raw]:
        """Request upload URLs for files of these names and sizes (bytes), in the order of the files."""
        wanted = [{"id": str(at), "filename": name, "file_size": size} for at, (name, size) in enumerate(files)]
        path = "/channels/{channel_id}/attachments"
        answer = await self._object("POST", path, channel_id=channel_id, json={"files": wanted})
        return sorted(objects(answer.get("attachments")), key=_age)

    async def post_files(self, channel_id: ChannelId, files: Sequence[UploadedFile]) -> Message:
        """Post one message of our own with these files; without a nonce, so as not to look like an Interaction's."""
        attachments = [
            {"id": str(at), "filename": file.filename, "uploaded_filename": file.uploaded_filename}
            for at, file in enumerate(files)
        ]
        body = {"content": "", "channel_id": channel_id, "type": 0, "attachments": attachments}
        path = "/channels/{channel_id}/messages"
        message = _readable(await self._object("POST", path, channel_id=channel_id, json=body))
        if message is None:
            raise Unknown("Discord's response does not contain the posted message")
        return message

    async def _page(self, channel_id: ChannelId, **query: Any) -> list[Raw]:
        """Read one page of a channel's messages, oldest first."""
        async with answered_within(self._timeout):
            page = await self._gateway.http.logs_from(channel_id, **query)
        return sorted(objects(page), key=_age)

    async def _object(self, method: Any, path: str, *, json: Raw | None = None, **places: str) -> Raw:
        async with answered_within(self._timeout):
            answer = await self._gateway.http.request(Route(method, path, **places), json=json)
        return answer if isinstance(answer, dict) else {}  # a proxy's error page, for instance, is a str


def _readable(raw: Raw) -> Message | None:
    """Decode a message; return None for one that cannot be decoded, so that the others can be used."""
    try:
        return decode_message(raw)
    except (KeyError, TypeError, ValueError) as err:
        LOG.warning("a message from Discord could not be read: %s", type(err).__name__)
        return None


def _age(raw: Raw) -> int:
    """Return the id as a number, for sorting: ids increase with time."""
    return int(snowflake(raw, "id") or 0)
