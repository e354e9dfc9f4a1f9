"""One try to deliver one notice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import aiohttp
from msgspec import Struct

from midway.domain.ids import notice_id
from midway.domain.task import Task
from midway.outbound.client import Outbound, UrlRefused
from midway.store.port import OutboxRow
from midway.webhook.signature import Signature

HTTP_GONE = 410  # Standard Webhooks: the receiver wants no more notices


class Verdict(StrEnum):
    """The result of a try."""

    DELIVERED = "delivered"
    FAILED = "failed"  # a later try may succeed
    HOPELESS = "hopeless"  # no later try can succeed


class Outcome(Struct, frozen=True):
    """A try's verdict, the problem if it failed, and the receiver's Retry-After.

    `answered` tells whether the receiver gave any answer; None when no request was sent.
    """

    verdict: Verdict
    problem: str = ""
    retry_after: timedelta = timedelta()
    answered: bool | None = None


class Delivery:
    """Renders, signs and posts notices."""

    def __init__(
        self, render: Callable[[Task], bytes], outbound: Outbound, signature: Signature, timeout: timedelta
    ) -> None:
        self._render = render
        self._outbound = outbound
        self._signature = signature
        self._timeout = timeout

    async def attempt(self, row: OutboxRow, now: datetime) -> Outcome:
        """Post the notice once. A redirect is a failure: the client gave this URL and no other."""
        body = self._render(row.task)
        headers = {"Content-Type": "application/json", "User-Agent": "Midway"}
        headers |= self._signature.headers(notice_id(row.task.id, row.task.revision), body, now)
        try:
            async with self._outbound.post(row.url, body, headers=headers, within=self._timeout) as response:
                return _outcome(response)
        except UrlRefused as err:
            return Outcome(Verdict.HOPELESS, err.problem)
        except (aiohttp.ClientError, TimeoutError) as err:
            return Outcome(Verdict.FAILED, type(err).__name__, answered=False)


def _outcome(response: aiohttp.ClientResponse) -> Outcome:
    if 200 <= response.status < 300:
        return Outcome(Verdict.DELIVERED, answered=True)
    verdict = Verdict.HOPELESS if response.status == HTTP_GONE else Verdict.FAILED
    return Outcome(verdict, f"answered {response.status}", _retry_after(response), answered=True)


def _retry_after(response: aiohttp.ClientResponse) -> timedelta:
    """Read Retry-After in seconds. Its other form, a date, is not supported."""
    value = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if value.isascii() and value.isdigit() and len(value) < 6 else timedelta()
