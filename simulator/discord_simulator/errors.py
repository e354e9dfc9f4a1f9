"""Discord's refusals, as exceptions that turn into its error bodies.

DiscordError
├── Unauthorized            401        token unknown or revoked
├── VerificationRequired    403 40002  the account's owner must verify it
├── MissingAccess           403 50001  another account's channel
├── BotsRefused             403 20001  a route that is for users only
├── BotsOnly                403 20002  a route that users may not call
├── DirectMessage           403 50003  not allowed in a DM
├── NotTheAuthor            403 50005  another's message cannot be edited
├── MissingPermissions      403 50013  the account may not do this in the channel
├── Unknown                 404 100xx  no such channel, message, user, server, command …
├── InvalidForm             400 50035  a field is wrong; `errors` says which
│   └── OutdatedCommand                the command's version, or the command itself, no longer exists
├── InvalidVersion          400 50041  an API version that is not served
├── BadJson                 400 50109
├── TooLarge                413 40005
└── RateLimited             429
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import orjson
from aiohttp import web

from .json_types import Json

VIA = {"Via": "1.1 google"}  # without it discord.py-self takes a 429 for Cloudflare's


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with JSON under exactly `application/json`: a charset makes discord.py-self read text."""
    fields = VIA | (headers or {}) | {"Content-Type": "application/json"}
    return web.Response(body=orjson.dumps(body), status=status, headers=fields)


def http_error(status: int, reason: str) -> web.Response:
    """Build an error without one of Discord's codes: an unknown path, or a method that is not allowed."""
    return json_response({"message": f"{status}: {reason}", "code": 0}, status=status)


class DiscordError(Exception):
    """A request that Discord refuses."""

    def __init__(self, status: int, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body: Json = {"message": message, "code": code} | more
        self.headers: dict[str, str] = {}

    def response(self) -> web.Response:
        """Build the answer that Discord gives."""
        return json_response(self.body, status=self.status, headers=self.headers)


class Unauthorized(DiscordError):
    """The token is unknown or was revoked."""

    def __init__(self) -> None:
        super().__init__(401, 0, "401: Unauthorized")


class VerificationRequired(DiscordError):
    """The account may do nothing until its owner has verified it."""

    def __init__(self) -> None:
        super().__init__(403, 40002, "You need to verify your account in order to perform this action.")


class MissingAccess(DiscordError):
    """The channel is another account's."""

    def __init__(self) -> None:
        super().__init__(403, 50001, "Missing Access")


class BotsRefused(DiscordError):
    """The route is for users only."""

    def __init__(self) -> None:
        super().__init__(403, 20001, "Bots cannot use this endpoint")


class MissingPermissions(DiscordError):
    """The account, or the listener, sees the channel and may not do this in it."""

    def __init__(self) -> None:
        super().__init__(403, 50013, "Missing Permissions")


class DirectMessage(DiscordError):
    """A moderator's action, which is not available in a DM."""

    def __init__(self) -> None:
        super().__init__(403, 50003, "Cannot execute action on a DM channel")


class NotTheAuthor(DiscordError):
    """Only its author edits a message."""

    def __init__(self) -> None:
        super().__init__(403, 50005, "Cannot edit a message authored by another user")


class BotsOnly(DiscordError):
    """The route is for bot accounts."""

    def __init__(self) -> None:
        super().__init__(403, 20002, "Only bots can use this endpoint")


class Unknown(DiscordError):
    """The thing named does not exist, or no longer."""

    CODES: ClassVar = {
        "Application": 10002,
        "Channel": 10003,
        "Guild": 10004,
        "Member": 10007,
        "Message": 10008,
        "User": 10013,
        "Emoji": 10014,
        "Interaction": 10062,
        "Application Command": 10063,
    }

    def __init__(self, what: str, *, status: int = 404) -> None:
        super().__init__(status, self.CODES[what], f"Unknown {what}")


class InvalidForm(DiscordError):
    """One field of the body is wrong; `path` is dotted, as in `data.options.0.type`, and empty for the body itself."""

    def __init__(self, path: str, reason: str, message: str) -> None:
        errors: Json = {"_errors": [{"code": reason, "message": message}]}
        for key in reversed(path.split(".") if path else []):
            errors = {key: errors}
        super().__init__(400, 50035, "Invalid Form Body", errors=errors)


class OutdatedCommand(InvalidForm):
    """The command was re-registered since the client read the index: its version or its id has changed.

    Discord's own client reads the index again on both reasons. The message comes in the account's language.
    """

    VERSION = "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION"
    COMMAND = "INTERACTION_APPLICATION_COMMAND_INVALID"
    MESSAGE = "This command is outdated, please try again in a few minutes"

    def __init__(self, reason: str, message: str = MESSAGE) -> None:
        super().__init__("data", reason, message)


class InvalidVersion(DiscordError):
    """The path names a version of the API that was never there, or no longer is."""

    def __init__(self) -> None:
        super().__init__(400, 50041, "Invalid API version")


class BadJson(DiscordError):
    """The body is not JSON, or not an object."""

    def __init__(self) -> None:
        super().__init__(400, 50109, "The request body contains invalid JSON.")


class TooLarge(DiscordError):
    """A file is over the size limit."""

    def __init__(self) -> None:
        super().__init__(413, 40005, "Request entity too large")


class RateLimited(DiscordError):
    """Too many requests; the same request may be sent again after `retry_after` seconds."""

    def __init__(self, retry_after: float, *, is_global: bool = False, with_header: bool = True) -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.body |= {"retry_after": round(retry_after, 3), "global": is_global}
        if with_header:
            self.headers["Retry-After"] = str(math.ceil(retry_after))
        if is_global:
            self.headers["X-RateLimit-Global"] = "true"
