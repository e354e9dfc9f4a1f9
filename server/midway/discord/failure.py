"""Wraps what the library, curl and aiohttp raise into a DiscordError, once, at the edge."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import aiohttp
import discord
from curl_cffi import CurlError

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
)

# How Discord refuses a command that is not what it was: the version in the form is not the present one, the whole
# command has another id now (10063 Unknown Application Command), or its bot has gone (10002 Unknown Application).
STALE_MARK = "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION"
STALE_CODES = frozenset({10002, 10063})

_BY_STATUS: dict[int, type[Rejected]] = {401: Unauthorized, 403: Forbidden, 404: UnknownMessage}


@contextmanager
def as_discord_errors() -> Iterator[None]:
    """Raise a DiscordError for whatever goes wrong inside with Discord or on the way to it."""
    try:
        yield
    except discord.RateLimited as err:
        raise RateLimited("Discord asks to wait", retry_after=err.retry_after) from err
    except discord.HTTPException as err:
        raise error_from_http(err) from err
    except (CurlError, aiohttp.ClientError, TimeoutError, OSError) as err:
        raise Unknown(f"no answer from Discord: {type(err).__name__}") from err


@asynccontextmanager
async def answered_within(limit: timedelta) -> AsyncIterator[None]:
    """As `as_discord_errors`; raises Unknown when there is no answer within the limit."""
    with as_discord_errors():
        async with asyncio.timeout(limit.total_seconds()):
            yield


def error_from_http(err: discord.HTTPException) -> DiscordError:
    """Tell by its status what an HTTP error means. Its text goes along; Discord repeats no secret in it."""
    if isinstance(err, discord.CaptchaRequired):
        return CaptchaWanted("Discord wants a captcha solved", status=err.status)
    if err.code in STALE_CODES or STALE_MARK in str(err.json):
        return StaleCommand(err.text, status=400, code=err.code)
    return error_from_status(err.status, code=err.code, text=err.text)


def error_from_status(status: int, *, code: int = 0, text: str = "") -> DiscordError:
    """Tell what a status that is no success means."""
    if status >= 500:
        return Unknown(f"Discord answered with {status}")
    if status == 429:
        return RateLimited("Discord asks to wait", retry_after=0.0)
    kind = _BY_STATUS.get(status, Rejected)
    return kind(text or f"Discord answered with {status}", status=status, code=code)
