"""Reads and checks the pictures of a request, and tells files from links."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from midjourney.v1 import input_pb2
from msgspec import Struct

from midway.domain.errors import InvalidField, Reason
from midway.domain.image import InputImage
from midway.engine.region import MasksInThread, ReadMask
from midway.outbound.client import FetchFailed, UrlRefused
from midway.pictures.checks import PictureLimits, image_from_bytes, image_from_text

READ_AT_ONCE = 2  # more would keep the event loop from getting the GIL
LINK_SCHEMES = ("http://", "https://")

_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")

# Reads the file behind a public link. Raises UrlRefused, FetchFailed, TimeoutError.
FetchLink = Callable[[str], Awaitable[bytes]]


class Source(Struct, frozen=True):
    """A picture as it was sent: the file, or text that is a link, a data URL or bare base64.

    A large one is copied out of its message only in a thread, since the copy takes some 10 ms.
    """

    field: str
    content: str | bytes | input_pb2.InputImage


class Pictures(Struct, frozen=True):
    """The pictures of a request: files to upload, and links for Discord to fetch."""

    files: tuple[InputImage, ...] = ()
    links: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files) + len(self.links)


NO_PICTURES = Pictures()


class PictureReader:
    """Reads pictures within the limits, in a thread: the largest take 100 ms of CPU.

    Only masks are decoded, by `read_mask`.
    """

    def __init__(
        self, limits: PictureLimits, fetch_link: FetchLink | None = None, read_mask: ReadMask | None = None
    ) -> None:
        self._limits = limits
        self._fetch_link = fetch_link
        self._read_mask = read_mask or MasksInThread().mask
        self._reading = asyncio.Semaphore(READ_AT_ONCE)

    async def read(self, sources: Sequence[Source]) -> Pictures:
        """Return the pictures in order. Raises InvalidField for the first one that cannot be used."""
        if not sources:
            return NO_PICTURES
        self._check_count(sources)
        read = [await self._read(source) for source in sources]
        files = tuple(picture for picture in read if isinstance(picture, InputImage))
        return Pictures(files, tuple(picture for picture in read if isinstance(picture, str)))

    async def read_files(self, sources: Sequence[Source]) -> tuple[InputImage, ...]:
        """Return the pictures as files, for commands that take no links: a linked picture is fetched first."""
        self._check_count(sources)
        return tuple([await self._read_file(source) for source in sources])

    async def read_mask(self, source: Source) -> InputImage:
        """Return a mask in pure black and white, in its own size; the engine scales it."""
        picture = await self._read_file(source)
        return await self._read_mask(picture.data, source.field, self._limits, None)

    async def _read_file(self, source: Source) -> InputImage:
        picture = await self._read(source)
        if isinstance(picture, InputImage):
            return picture
        data = await self._fetched(picture, source.field)
        return await self._in_thread(image_from_bytes, data, source.field, self._limits)

    async def _fetched(self, link: str, field: str) -> bytes:
        if self._fetch_link is None:
            raise InvalidField(field, "a link cannot be used here; send the picture itself")
        try:
            return await self._fetch_link(link)
        except (UrlRefused, FetchFailed, TimeoutError) as err:
            problem = str(err) or "no answer in time"
            raise InvalidField(field, f"the link cannot be read: {problem}", Reason.INVALID_IMAGE) from err

    async def _read(self, source: Source) -> InputImage | str:
        return await self._in_thread(_image_or_link, source, self._limits)

    async def _in_thread(self, read: Callable[_Given, _Read], *given: _Given.args, **named: _Given.kwargs) -> _Read:
        async with self._reading:
            return await asyncio.to_thread(read, *given, **named)

    def _check_count(self, sources: Sequence[Source]) -> None:
        # Checked before any is read: a request may hold thousands of links or small pictures.
        if len(sources) > self._limits.max_count:
            field = sources[0].field.partition("[")[0]
            raise InvalidField(field, f"holds {len(sources)} pictures; at most {self._limits.max_count} are allowed")


def _image_or_link(source: Source, limits: PictureLimits) -> InputImage | str:
    content = source.content
    if isinstance(content, input_pb2.InputImage):
        content = content.data if content.HasField("data") else content.base64_or_data_url
    if isinstance(content, bytes):
        return image_from_bytes(content, source.field, limits)
    return image_from_text(content, source.field, limits)


def sources_from(pictures: Sequence[input_pb2.InputImage], field: str) -> list[Source]:
    """Name the pictures of a repeated field: `images[0]` and so on."""
    return [source_from(picture, f"{field}[{index}]") for index, picture in enumerate(pictures)]


def source_from(picture: input_pb2.InputImage, field: str) -> Source:
    """Return the source of one picture. Raises InvalidField when its `oneof` is unset."""
    match picture.WhichOneof("source"):
        case "data" | "base64_or_data_url":
            return Source(field, picture)
        case "url":
            link = picture.url
            if not link.startswith(LINK_SCHEMES):
                raise InvalidField(field, "must be an http or https link")
            return Source(field, link)
        case _:
            raise InvalidField(field, "exactly one of data, url and base64_or_data_url must be set")
