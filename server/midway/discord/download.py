"""Brings a file from Discord's CDN to the disk, piece by piece, and goes on after a break."""

import re
from collections.abc import Callable

import aiohttp

from midway.discord.errors import FileTooLarge, Unknown
from midway.discord.failure import answered_within, error_from_status
from midway.discord.partial_file import PartialFile
from midway.discord.settings import ClientSettings

PIECE_BYTES = 256 * 1024

_PART = re.compile(r"bytes (\d+)-\d+/(\d+)")  # Content-Range
_NO_LIMIT = aiohttp.ClientTimeout(total=None)  # each wait has its own; aiohttp's default would end all after 5 minutes
_AS_IT_IS = {"Accept-Encoding": "identity"}  # else neither lengths nor ranges count the file's own bytes


class Download:
    """One file on its way. `session` gives the present HTTP session; raises NotConnected when there is none.

    What comes is added to what is there only when a strong ETag and the length say that it is the same file; else it
    begins anew. So two files are never spliced, whatever the CDN makes of `Range` and `If-Range`.
    """

    def __init__(
        self, session: Callable[[], aiohttp.ClientSession], url: str, file: PartialFile, settings: ClientSettings
    ) -> None:
        self._session = session
        self._url = url
        self._file = file
        self._patience = settings.stall_timeout
        self._max_bytes = settings.max_transfer_bytes

    async def run(self) -> None:
        """Return when the file is whole; go on after each break for as long as that brings a piece more.

        Raises Rejected when the link expired, FileTooLarge, Unknown when the CDN fails or stalls, and OSError when the
        disk refuses. After Unknown another run goes on from here.
        """
        while not self._file.is_whole:
            before = self._file.size
            try:
                await self._go_on()
            except Unknown:
                if self._file.size < before + PIECE_BYTES:
                    raise

    async def _go_on(self) -> None:
        if await self._ask(self._for_the_rest()):
            return
        if not await self._ask({}):
            raise Unknown("the CDN gave a part where the whole file was asked for")

    def _for_the_rest(self) -> dict[str, str]:
        if not (self._file.size and self._file.etag):
            return {}
        return {"Range": f"bytes={self._file.size}-", "If-Range": self._file.etag}

    async def _ask(self, headers: dict[str, str]) -> bool:
        """Ask once and take what comes. Return False when that is neither the whole file nor the rest of ours."""
        async with await self._answer(headers) as response:
            if response.status == 200:
                await self._begin(response)
            elif response.status not in {206, 416}:
                raise error_from_status(response.status, text=f"GET answered with {response.status}")
            elif not (headers and self._continues(response)):
                return False
            await self._take(response.content)
        return True

    async def _answer(self, headers: dict[str, str]) -> aiohttp.ClientResponse:
        async with answered_within(self._patience):
            return await self._session().get(
                self._url, headers=_AS_IT_IS | headers, allow_redirects=False, timeout=_NO_LIMIT
            )

    async def _begin(self, response: aiohttp.ClientResponse) -> None:
        total = response.content_length
        if total is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
            raise Unknown("the CDN does not say where the file ends, so that a break would look like the end")
        self._check_size(total or 0)
        await self._file.begin(_strong_etag(response), total)

    def _continues(self, response: aiohttp.ClientResponse) -> bool:
        """Tell whether the part that comes now belongs right behind what we have."""
        part = _PART.fullmatch(response.headers.get("Content-Range", ""))
        if part is None or _strong_etag(response) != self._file.etag:
            return False
        start, total = int(part[1]), int(part[2])
        if start != self._file.size or self._file.total not in {None, total}:
            return False
        self._file.total = total
        return True

    async def _take(self, content: aiohttp.StreamReader) -> None:
        while not content.at_eof():
            piece = bytearray()
            try:
                async with answered_within(self._patience):  # for each piece: a slow line may take hours for all
                    await _fill(piece, content)
            except Unknown:
                await self._append(piece)  # what came before the break is good
                raise
            await self._append(piece)
        if self._file.total not in {None, self._file.size}:
            raise Unknown(f"{self._file.size} of {self._file.total} bytes came")
        self._file.is_whole = True

    async def _append(self, piece: bytearray) -> None:
        self._check_size(self._file.size + len(piece))
        if piece:
            await self._file.append(piece)

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise FileTooLarge(self._max_bytes)


async def _fill(piece: bytearray, content: aiohttp.StreamReader) -> None:
    """Read until the piece is full or the file has ended."""
    while len(piece) < PIECE_BYTES and (data := await content.read(PIECE_BYTES - len(piece))):
        piece += data


def _strong_etag(response: aiohttp.ClientResponse) -> str:
    """Return the ETag that stands for the very bytes, blank when there is only one that stands for the like."""
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag
