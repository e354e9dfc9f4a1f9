"""Files to and from Discord's storage, and the form of an embedded page: plain HTTP without the account's token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from midway.discord.endpoints import Endpoints
from midway.discord.errors import NotConnected, Rejected
from midway.discord.failure import answered_within, error_from_status
from midway.discord.settings import ClientSettings

IFRAME_PREFIX = "MJ::iframe::"
CHUNK_BYTES = 256 * 1024


class Transfer:
    """One HTTP session for files; open while entered. Raises a DiscordError on failure."""

    def __init__(self, endpoints: Endpoints, user_agent: str, settings: ClientSettings) -> None:
        self._endpoints = endpoints
        self._user_agent = user_agent
        self._timeout = settings.transfer_timeout
        self._max_bytes = settings.max_transfer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(headers={"User-Agent": self._user_agent})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def get(self, url: str) -> bytes:
        """Read a file. Raises Rejected when its link has expired, or when the file is larger than we take."""
        async with self._request("GET", url) as response:
            return await self._read(response)

    async def put(self, url: str, content: bytes, content_type: str) -> None:
        """Store a file at an address that Discord gave for it."""
        async with self._request("PUT", url, data=content, headers={"Content-Type": content_type}):
            pass

    async def submit_region(self, application_id: str, custom_id: str, mask_base64: str, prompt: str) -> None:
        """Send what the page of Vary (Region) sends. Its token, not a login, says whose it is."""
        token = custom_id.removeprefix(IFRAME_PREFIX)
        form = {"customId": token, "mask": mask_base64, "prompt": prompt, "userId": "0", "username": "0"}
        url = f"{self._endpoints.app(application_id)}/inpaint/api/submit-job"
        async with self._request("POST", url, json=form):
            pass

    @asynccontextmanager
    async def _request(self, method: str, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise NotConnected("the client is not running")
        self._endpoints.allow_file(url)
        async with (
            answered_within(self._timeout),
            self._session.request(method, url, allow_redirects=False, **options) as response,
        ):
            if response.status >= 300:
                raise error_from_status(response.status, text=f"{method} answered with {response.status}")
            yield response

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            content += chunk
            if len(content) > self._max_bytes:
                raise Rejected(f"the file has more than {self._max_bytes} bytes", status=413)
        return bytes(content)
