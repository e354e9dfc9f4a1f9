"""Downloads a file from Discord's CDN to the disk, piece by piece, and resumes broken transfers."""

import re
from collections.abc import Callable

import aiohttp

from midway.discord.errors import FileTooLarge, Unknown
from midway.discord.failure import answered_within, error_from_status
from midway.discord.partial_file import PartialFile
from midway.discord.settings import ClientSettings

PIECE_BYTES = 256 * 1024

_PART = re.compile(r"bytes (\d+)-\d+/(\d+)")  # Content-Range
_NO_LIMIT = aiohttp.ClientTimeout(total=None)  # each wait has its own limit; aiohttp's default total is 5 minutes
_AS_IT_IS = {"Accept-Encoding": "identity"}  # else lengths and ranges would refer to compressed bytes


class Download:
    """One download. `session` returns the current HTTP session; it raises NotConnected when there is none.

    New bytes are appended only if a strong ETag and the length show that it is the same file; otherwise the download
    starts from the beginning. So two files are never mixed, even if the CDN mishandles `Range` and `If-Range`.
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
        """Return when the file is complete; resume after each break for as long as that brings more bytes.

        Raises Rejected when the link has expired, FileTooLarge, Unknown when the CDN fails or stalls, and OSError when
        the disk fails. After Unknown, another run resumes from here.
        """
        while not self._file.is_whole:
            before = self._file.size
            try:
                await self._resume()
            except Unknown:
                if self._file.size < before + PIECE_BYTES:
                    raise

    async def _resume(self) -> None:
        if await self._ask(self._range_headers()):
            return
        if not await self._ask({}):
            raise Unknown("the CDN sent a partial answer to a request for the whole file")

    def _range_headers(self) -> dict[str, str]:
        if not (self._file.size and self._file.etag):
            return {}
        return {"Range": f"bytes={self._file.size}-", "If-Range": self._file.etag}

    async def _ask(self, headers: dict[str, str]) -> bool:
        """Send one request and store the answer. Return False if it is neither the whole file nor the rest of ours."""
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
            raise Unknown("the CDN sent neither a length nor chunks, so a broken transfer would look complete")
        self._check_size(total or 0)
        await self._file.begin(_strong_etag(response), total)

    def _continues(self, response: aiohttp.ClientResponse) -> bool:
        """Tell whether the answer continues the same file exactly where ours ends."""
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
                async with answered_within(self._patience):  # per piece: on a slow line the whole may take hours
                    await _fill(piece, content)
            except Unknown:
                await self._append(piece)  # what arrived before the break is valid
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
    """Return the ETag if it is a strong one (byte-for-byte equality), else ""."""
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag
