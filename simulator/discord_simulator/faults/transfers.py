"""Faults of uploads and downloads, at the same point as those of `answers`."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from discord_simulator.rest.download import Download
from discord_simulator.rest.middleware import AnswerFault

from .answers import Refusal


@dataclass(kw_only=True)
class UploadRefused(Refusal):
    """403 from the storage host: the signed upload address expired before the PUT."""

    route: str = "upload"
    status: int = 403

    def refusal(self) -> web.Response:
        """Build the answer."""
        return web.Response(status=self.status, text="<Error><Code>ExpiredToken</Code></Error>")


@dataclass(kw_only=True)
class UploadLost(Refusal):
    """200 from the storage host, yet Discord does not find the file when a command names it."""

    route: str = "upload"

    def refusal(self) -> web.Response:
        """Build the answer."""
        return web.Response()


@dataclass(kw_only=True)
class LinkExpired(Refusal):
    """404 although the link is young: Discord changed the signing key, as when it introduced expiring links."""

    route: str = "cdn"

    def refusal(self) -> web.Response:
        """Build the answer."""
        return web.Response(status=404, text="This content is no longer available.")


@dataclass(kw_only=True)
class DownloadRefused(Refusal):
    """403 from the CDN: its firewall blocks the client."""

    route: str = "cdn"

    def refusal(self) -> web.Response:
        """Build the answer."""
        return web.Response(status=403, text="<html><title>Attention Required! | Cloudflare</title></html>")


@dataclass(kw_only=True)
class DownloadTruncated(AnswerFault):
    """The CDN promises the whole file by Content-Length and closes half-way: a broken edge node."""

    route: str = "cdn"

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send half of the body, then cut the connection."""
        whole = await handler(request)
        if isinstance(whole, Download):
            whole.stop_after(whole.length // 2)
        return whole


@dataclass(kw_only=True)
class DownloadCut(AnswerFault):
    """A transfer breaks off after `after_bytes`, as on a bad connection; each Range request gets as many again."""

    route: str = "cdn"
    after_bytes: int = 1 << 20

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send the first bytes of what was asked for, then cut the connection; a shorter transfer goes through."""
        whole = await handler(request)
        if isinstance(whole, Download):
            whole.stop_after(self.after_bytes)
        return whole


@dataclass(kw_only=True)
class RangeIgnored(AnswerFault):
    """The CDN answers a Range request with 200 and the whole file, as HTTP allows: an edge node without a copy."""

    route: str = "cdn"

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send everything from the first byte on."""
        whole = await handler(request)
        if isinstance(whole, Download):
            whole.ignore_range()
        return whole
