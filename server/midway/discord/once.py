"""Requests that must reach Discord at most once: POST /interactions starts a job that costs money.

discord.py-self repeats a request after 502, 504 and time-outs, and libcurl repeats one by itself when a kept-alive
connection breaks without an answer. `OnceSession` does neither: it uses a fresh connection, reads the whole answer,
and raises a DiscordError, which the library's retry loop lets through, wherever the library would try again.
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
    """Marks a request as to be sent once, and tells whether it may have reached Discord without a refusal."""

    sent: bool = False


class WholeResponse(Response):
    """An answer whose body is read already, in the shape in which the library wants to read it."""

    async def atext(self) -> str:
        """Return the body."""
        return self.text


class OnceSession:
    """A session for requests with a ticket. Shares the event loop's curl with the library's own session."""

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
        """Send once and return the answer, unless the library would repeat the request because of it.

        Raises RateLimited or Unreachable when Discord certainly did not take it, Unknown when that cannot be told.
        """
        self._session.curl_options = await self._way.to(url) | self._options
        ticket.sent = True
        try:
            response = await self._session.request(method, url, **(options | {"stream": False}))  # type: ignore[arg-type]
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
    """Read how long to wait, in seconds; a page without a usable number is a block, much longer than a limit."""
    try:
        seconds = float(orjson.loads(response.content)["retry_after"])
    except (ValueError, KeyError, TypeError):
        header = response.headers.get("Retry-After") or ""
        seconds = float(header) if header.isdecimal() else BLOCK_SECONDS
    return usable_wait(seconds)
