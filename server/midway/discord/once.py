"""Requests that must reach Discord at most once: POST /interactions starts a job that costs money.

discord.py-self retries a request after 502, 504 and time-outs, and libcurl retries one when a kept-alive connection
breaks without a response. `OnceSession` prevents both: it uses a fresh connection, reads the whole response, and where
the library would retry, it raises a DiscordError, which the library's retry loop does not catch.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from curl_cffi import AsyncCurl, CurlOpt
from curl_cffi.requests import AsyncSession, Response
from curl_cffi.requests.exceptions import RequestException

from midway.discord.errors import RateLimited, Unknown
from midway.discord.failure import BLOCK_SECONDS, unreachable, usable_wait
from midway.discord.route import Way


@dataclass(slots=True)
class Ticket:
    """Marks a request to be sent at most once; `sent` is true if Discord may have received it and not refused it."""

    sent: bool = False


class WholeResponse(Response):
    """A response whose body has already been read, with the interface that the library expects."""

    async def atext(self) -> str:
        """Return the body."""
        return self.text


class OnceSession:
    """A session for requests with a ticket. Shares its AsyncCurl with the library's own session."""

    def __init__(
        self,
        *,
        async_curl: AsyncCurl,
        max_clients: int,
        impersonate: str,
        way: Way,
        reach_timeout: timedelta,
    ) -> None:
        self._way = way
        self._options = {
            CurlOpt.FRESH_CONNECT: 1,
            CurlOpt.CONNECTTIMEOUT_MS: int(reach_timeout.total_seconds() * 1000),
        }
        self._session: AsyncSession[WholeResponse] = AsyncSession(
            async_curl=async_curl,
            max_clients=max_clients,
            impersonate=impersonate,
            default_headers=False,
            response_class=WholeResponse,
        )

    async def request(self, ticket: Ticket, method: str, url: str, **options: Any) -> WholeResponse:
        """Send once and return the response; raise for one that would make the library retry.

        Raises RateLimited or Unreachable when Discord certainly did not accept it, Unknown when that is uncertain.
        """
        self._session.curl_options = await self._way.to(url) | self._options
        ticket.sent = True
        try:
            options = options | {"stream": False}
            response = await self._session.request(method, url, **options)  # type: ignore[arg-type]  # a Literal there
            _raise_where_the_library_repeats(response)
        except RequestException as err:
            unsent = unreachable(err, self._way.proxy)
            ticket.sent = unsent is None
            raise unsent or Unknown("the connection to Discord broke before an answer came") from err
        except RateLimited:
            ticket.sent = False
            raise
        return response

    async def close(self) -> None:
        """Release the connections."""
        await self._session.close()


def _raise_where_the_library_repeats(response: WholeResponse) -> None:
    if response.status_code == 429:
        raise RateLimited("Discord asks to wait", retry_after=_retry_after(response))
    if response.status_code >= 500:
        raise Unknown(f"Discord answered with {response.status_code}")


def _retry_after(response: WholeResponse) -> float:
    """Return the wait in seconds; a response without a usable number counts as a block, which lasts much longer."""
    try:
        seconds = float(orjson.loads(response.content)["retry_after"])
    except (ValueError, KeyError, TypeError):
        header = response.headers.get("Retry-After") or ""
        seconds = float(header) if header.isdecimal() else BLOCK_SECONDS
    return usable_wait(seconds)
