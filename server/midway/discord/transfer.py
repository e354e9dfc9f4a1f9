"""Files to and from Discord's storage, and the form of an embedded page: plain HTTP without the account's token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from midway.discord.download import Download
from midway.discord.endpoints import Endpoints
from midway.discord.errors import NotConnected
from midway.discord.failure import answered_within, error_from_status
from midway.discord.partial_file import PartialFile
from midway.discord.settings import ClientSettings
from midway.outbound.connector import connector
from midway.outbound.proxy import Proxy

IFRAME_PREFIX = "MJ::iframe::"


class Transfer:
    """One HTTP session for files; open while entered. Raises a DiscordError on failure."""

    def __init__(
        self,
        endpoints: Endpoints,
        user_agent: str,
        settings: ClientSettings,
        proxy: Proxy | None = None,
        names: AbstractResolver | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._user_agent = user_agent
        self._settings = settings
        self._proxy = proxy
        self._names = names
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=connector(self._proxy, self._names), headers={"User-Agent": self._user_agent}
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def download(self, url: str, file: PartialFile) -> None:
        """Download a file, resuming where an earlier attempt ended. Raises as `Download.run`."""
        await Download(self._opened, self._endpoints.allow_file(url), file, self._settings).run()

    async def put(self, url: str, content: bytes, content_type: str) -> None:
        """Upload a file to a URL that Discord returned for it."""
        async with self._request("PUT", url, data=content, headers={"Content-Type": content_type}):
            pass

    async def submit_region(self, application_id: str, custom_id: str, mask_base64: str, prompt: str) -> None:
        """Send what the Vary (Region) page sends. A token in it identifies the user, not a login."""
        token = custom_id.removeprefix(IFRAME_PREFIX)
        form = {"customId": token, "mask": mask_base64, "prompt": prompt, "userId": "0", "username": "0"}
        url = f"{self._endpoints.app(application_id)}/inpaint/api/submit-job"
        async with self._request("POST", url, json=form):
            pass

    @asynccontextmanager
    async def _request(self, method: str, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        session = self._opened()
        self._endpoints.allow_file(url)
        async with (
            answered_within(self._settings.transfer_timeout),
            session.request(method, url, allow_redirects=False, **options) as response,
        ):
            if response.status >= 300:
                raise error_from_status(response.status, text=f"{method} answered with {response.status}")
            yield response

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise NotConnected("the client is not running")
        return self._session
