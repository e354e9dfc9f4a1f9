"""Faults of uploads and downloads, at the same point as those of `answers`."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from .answers import AnswerFault, Refusal


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
    """403 from the CDN: its firewall does not like the client."""

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
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        half = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": whole.content_type})
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()  # close, not abort: what was written still goes out
        return half
