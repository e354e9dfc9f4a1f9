"""Faults at the point where a request is answered (rest.middleware.inject_fault).

`route` is a route's name, as the journal and `name=` in `rest/` have it: interactions, me, command_index_of, history,
message, send_message, edit_message, react, pin, search_guild, attachments, refresh_urls, upload, cdn, media, inpaint, …
Durations are wall seconds: the client's time-outs do not run faster with the simulator's speed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from discord_simulator import errors
from discord_simulator.rest.middleware import AnswerFault


@dataclass(kw_only=True)
class Refusal(AnswerFault, ABC):
    """A fault that answers instead of the handler: nothing was carried out."""

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:  # noqa: ARG002 - overrides use it
        """Answer without carrying the request out."""
        return self.refusal()

    @abstractmethod
    def refusal(self) -> web.Response:
        """Build the answer."""


@dataclass(kw_only=True)
class TokenRefused(Refusal):
    """401: the account's password was changed, which revokes its token."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.Unauthorized().response()


@dataclass(kw_only=True)
class VerificationDemanded(Refusal):
    """403 with code 40002: Discord found the account suspicious and wants a telephone number."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.VerificationRequired().response()


@dataclass(kw_only=True)
class AccessLost(Refusal):
    """403 with code 50001: the account was removed from the server, or the channel's permissions changed."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.MissingAccess().response()


@dataclass(kw_only=True)
class MessageGone(Refusal):
    """404 with code 10008: a moderator deleted the message between its arrival and the press of its button."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.Unknown("Message").response()


@dataclass(kw_only=True)
class CommandOutdated(Refusal):
    """400: the bot re-registers its commands at this moment, so even a fresh version is refused once.

    `reason` may be another that Discord has for commands: INTERACTION_APPLICATION_COMMAND_INVALID_PERMISSIONS.
    """

    reason: str = errors.OutdatedCommand.VERSION
    message: str = errors.OutdatedCommand.MESSAGE

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.OutdatedCommand(self.reason, self.message).response()


@dataclass(kw_only=True)
class TooManyRequests(Refusal):
    """429 with retry_after: the account's or, with `is_global`, the whole client's rate limit is used up."""

    retry_after: float = 0.5
    is_global: bool = False
    with_header: bool = True

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.RateLimited(self.retry_after, is_global=self.is_global, with_header=self.with_header).response()


@dataclass(kw_only=True)
class CloudflareBan(Refusal):
    """429 as an HTML page without Retry-After: too many bad requests from one address, Cloudflare blocks it."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        return web.Response(status=429, text="<html><title>Access denied</title></html>", content_type="text/html")


@dataclass(kw_only=True)
class CaptchaDemanded(Refusal):
    """400 with captcha_key: Discord demands a captcha before it accepts the request."""

    def refusal(self) -> web.Response:
        """Build the answer."""
        body = {"captcha_key": ["captcha-required"], "captcha_service": "hcaptcha"}
        return errors.json_response(body | {"captcha_sitekey": "site", "captcha_session_id": "session"}, status=400)


@dataclass(kw_only=True)
class ServerError(Refusal):
    """500, 502, 503 or 504 before anything happened: an outage of Discord's API."""

    status: int = 500

    def refusal(self) -> web.Response:
        """Build the answer."""
        return errors.json_response({"message": f"{self.status}: Server Error", "code": 0}, status=self.status)


@dataclass(kw_only=True)
class ServerErrorAfterAccept(AnswerFault):
    """5xx although the request was carried out: the answer got lost behind Discord's proxy. The job runs anyway."""

    status: int = 504

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Do the work, then claim that it failed."""
        await handler(request)
        return errors.json_response({"message": f"{self.status}: Gateway Time-out", "code": 0}, status=self.status)


@dataclass(kw_only=True)
class TimeOutAfterAccept(AnswerFault):
    """No answer within `seconds` although the request was carried out: the connection stalls. The job runs anyway."""

    seconds: float = 60.0

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Do the work and keep the answer back."""
        response = await handler(request)
        await asyncio.sleep(self.seconds)
        return response


@dataclass(kw_only=True)
class ConnectionCut(AnswerFault):
    """The TCP connection breaks without an answer, with `accepted` after the request was carried out."""

    accepted: bool = False

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Cut the connection."""
        if self.accepted:
            await handler(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


@dataclass(kw_only=True)
class SlowAnswer(AnswerFault):
    """The request is carried out only after `seconds`: an overloaded API, upload host or CDN."""

    seconds: float = 30.0

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Wait after reading the whole request: a client that disconnects meanwhile does not undo it."""
        await request.read()
        await asyncio.sleep(self.seconds)
        return await handler(request)


@dataclass(kw_only=True)
class IndexWarming(Refusal):
    """202 with code 110000: Discord's command index is not built yet; ask again after retry_after."""

    route: str = "command_index_of"
    retry_after: float = 0.1

    def refusal(self) -> web.Response:
        """Build the answer."""
        body = {"message": "Index not yet available. Try again later", "code": 110000}
        return errors.json_response(body | {"retry_after": self.retry_after}, status=202)
