"""Converts the exceptions of the library, curl and aiohttp to DiscordErrors, once, where they are called."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import aiohttp
import discord
from curl_cffi import CurlECode, CurlError
from curl_cffi.requests.exceptions import RequestException

from midway.discord.errors import (
    CaptchaWanted,
    DiscordError,
    Forbidden,
    RateLimited,
    Rejected,
    StaleCommand,
    Unauthorized,
    Unknown,
    UnknownMessage,
    Unreachable,
)
from midway.discord.json_types import objects, text
from midway.outbound.connector import ProxyUnusable
from midway.outbound.proxy import Proxy, trouble

# How Discord refuses a command that has changed: the version sent is not the current one, or the command's id no longer
# exists. The codes are used, since the message is in the account's language.
STALE_REASONS = frozenset(
    {"INTERACTION_APPLICATION_COMMAND_INVALID_VERSION", "INTERACTION_APPLICATION_COMMAND_INVALID"}
)
STALE_CODES = frozenset({10002, 10063})  # Unknown Application (its bot has gone), Unknown Application Command

# curl_cffi's text around libcurl's message, and the durations in it, which differ from attempt to attempt.
_CURL_FRAME = re.compile(r"^Failed to perform, curl: \(\d+\) |\.? See https://curl\.se/.*$", re.DOTALL)
_TIME_TAKEN = re.compile(r" after \d+ (ms|milliseconds)( with .*)?")

_BY_STATUS: dict[int, type[Rejected]] = {401: Unauthorized, 403: Forbidden, 404: UnknownMessage}


BLOCK_SECONDS = 3600.0  # Cloudflare blocks an IP address for about an hour, without saying for how long
LONGEST_WAIT = 24 * BLOCK_SECONDS  # longer than any of Discord's rate limits


def usable_wait(seconds: float) -> float:
    """Return the wait in seconds if it is plausible; otherwise assume a block, which lasts longer than a rate limit."""
    return seconds if 0 <= seconds <= LONGEST_WAIT else BLOCK_SECONDS  # "nan" and "inf" are floats, too


@contextmanager
def as_discord_errors() -> Iterator[None]:
    """Convert errors of Discord and of the connection that are raised inside to DiscordErrors."""
    try:
        yield
    except discord.RateLimited as err:
        raise RateLimited("Discord asks to wait", retry_after=usable_wait(err.retry_after)) from err
    except discord.HTTPException as err:
        raise error_from_http(err) from err
    except ProxyUnusable as err:
        raise Unreachable(err.trouble, str(err.proxy)) from err
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
        raise Unreachable(type(err).__name__) from err
    except (CurlError, aiohttp.ClientError, TimeoutError, OSError) as err:
        raise Unknown(f"no answer from Discord: {type(err).__name__}") from err


@asynccontextmanager
async def answered_within(limit: timedelta) -> AsyncIterator[None]:
    """As `as_discord_errors`; also raises Unknown when there is no answer within the limit."""
    with as_discord_errors():
        async with asyncio.timeout(limit.total_seconds()):
            yield


def unreachable(err: CurlError, proxy: Proxy | None) -> Unreachable | None:
    """Return why libcurl sent nothing of a request; None if it may have sent a byte of it.

    Bytes for the proxy or the TLS handshake do not count. A WebSocket handshake has no such counter: there every error
    that is not an answer of Discord's counts as unreachable, which is safe since it has no side effects.
    """
    if isinstance(err, RequestException):
        if err.response is None or err.response.request_size > 0:
            return None
    elif err.code == CurlECode.HTTP_RETURNED_ERROR:
        return None
    said = curl_words(err)
    return Unreachable(trouble(said), str(proxy)) if proxy else Unreachable(said)


def curl_words(err: CurlError) -> str:
    """Return libcurl's message, without the parts that differ from attempt to attempt."""
    words = _CURL_FRAME.sub("", str(err))
    return _TIME_TAKEN.sub("", words) or f"libcurl's error {err.code}"


def error_from_http(err: discord.HTTPException) -> DiscordError:
    """Convert an HTTP error by its status. Its text is kept; Discord repeats no secrets in it."""
    if isinstance(err, discord.CaptchaRequired):
        return CaptchaWanted("Discord wants a captcha solved", status=err.status)
    if err.code in STALE_CODES or not STALE_REASONS.isdisjoint(_reasons(err.json)):
        return StaleCommand(err.text, status=400, code=err.code)
    return error_from_status(err.status, code=err.code, text=err.text)


def _reasons(refusal: object) -> Iterator[str]:
    """Yield the reasons in the body of a refusal: the `code` of everything under an `_errors`, at any depth."""
    waiting = [refusal]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            errors = value.get("_errors")
            yield from (text(error, "code") for error in objects(errors))


def error_from_status(status: int, *, code: int = 0, text: str = "") -> DiscordError:
    """Convert an error status. curl_cffi reports 0 for a request that was cut off when its session closed."""
    if status == 0:
        return Unknown("the connection to Discord broke before an answer came")
    if status >= 500:
        return Unknown(f"Discord answered with {status}")
    if status == 429:
        return RateLimited("Discord asks to wait", retry_after=0.0)
    kind = _BY_STATUS.get(status, Rejected)
    return kind(text or f"Discord answered with {status}", status=status, code=code)
