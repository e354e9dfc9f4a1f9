"""Uploads a client's pictures to Discord: request upload URLs, put the bytes there, then refer to the uploads."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from midway.discord.errors import DiscordError, NotConnected, UploadFailed
from midway.discord.json_types import Raw, text
from midway.discord.port import UploadedFile
from midway.discord.rest import Rest
from midway.discord.transfer import Transfer
from midway.domain.ids import ChannelId
from midway.domain.image import InputImage

MAX_FILES_IN_MESSAGE = 10  # Discord's limit


class Uploader:
    """Uploads pictures. Raises UploadFailed if Discord does not accept one, NotConnected if nothing was sent."""

    def __init__(self, rest: Rest, transfer: Transfer) -> None:
        self._rest = rest
        self._transfer = transfer

    async def upload(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[UploadedFile]:
        """Upload pictures, to be referred to in a command or message; returns them in order."""
        names = [f"image{at}.{image.extension}" for at, image in enumerate(images, start=1)]
        with _upload_errors():
            sizes = [len(image.data) for image in images]
            places = await self._rest.upload_places(channel_id, list(zip(names, sizes, strict=True)))
            if len(places) != len(images):
                raise UploadFailed(f"Discord returned {len(places)} upload URLs for {len(images)} pictures")
            await self._fill(places, images)
        return [UploadedFile(name, text(place, "upload_filename")) for name, place in zip(names, places, strict=True)]

    async def post(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[str]:
        """Post pictures as messages of our own; return their links, in order."""
        links: list[str] = []
        for start in range(0, len(images), MAX_FILES_IN_MESSAGE):
            files = await self.upload(channel_id, images[start : start + MAX_FILES_IN_MESSAGE])
            with _upload_errors():
                message = await self._rest.post_files(channel_id, files)
            if len(message.attachments) != len(files):
                raise UploadFailed(f"Discord shows {len(message.attachments)} of {len(files)} pictures")
            links += [attachment.url for attachment in message.attachments]
        return links

    async def _fill(self, places: Sequence[Raw], images: Sequence[InputImage]) -> None:
        puts = (
            self._transfer.put(text(place, "upload_url"), image.data, image.content_type)
            for place, image in zip(places, images, strict=True)
        )
        try:
            async with asyncio.TaskGroup() as group:
                for put in puts:
                    group.create_task(put, name="upload")
        except ExceptionGroup as failed:
            # Without this, error, traceback and the TaskGroup's frame would form a cycle that keeps the pictures.
            first = failed.with_traceback(None).exceptions[0]
            if not all(isinstance(error, DiscordError) for error in failed.exceptions):
                raise
            if isinstance(first, NotConnected):
                raise NotConnected(str(first)) from first
            raise UploadFailed("a picture could not be stored") from first


@contextmanager
def _upload_errors() -> Iterator[None]:
    try:
        yield
    except (UploadFailed, NotConnected):
        raise
    except DiscordError as err:
        raise UploadFailed(str(err)) from err
