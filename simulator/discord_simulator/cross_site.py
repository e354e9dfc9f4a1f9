"""Refuses requests of other sites' pages: a browser on this machine sends them for any page that it shows.

The tokens of the simulator's accounts are known to everybody, so that a foreign page could read prompts over the
gateway, or steer the simulator, by a request that needs no preflight. Its own name may have been made to point here.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from .errors import json_response
from .rest.context import WORLD

LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE | re.ASCII)
# Clients of Discord's say that they are its own page.
OURS = re.compile(rf"https://(?:canary\.|ptb\.)?discord\.com|https?://{LOOPBACK.pattern}", re.IGNORECASE | re.ASCII)
FOREIGN_SITES = frozenset({"cross-site", "same-site"})  # another port of this machine is the same site
OPEN_ROUTES = frozenset({"cdn", "media"})  # any page may embed a signed link, as with Discord's


@web.middleware
async def refuse_foreign(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to what names another host, and to another site's page unless it shows a picture."""
    own = urlsplit(request.app[WORLD].files.base_url).netloc
    if request.host != own and not LOOPBACK.fullmatch(request.host):
        return _refusal("ask for a loopback address")
    if request.match_info.route.name not in OPEN_ROUTES and _is_foreign(request):
        return _refusal("this is not for other sites' pages")
    return await handler(request)


def _is_foreign(request: web.Request) -> bool:
    origins = request.headers.getall("Origin", ())
    return request.headers.get("Sec-Fetch-Site") in FOREIGN_SITES or not all(map(OURS.fullmatch, origins))


def _refusal(problem: str) -> web.Response:
    return json_response({"message": problem, "code": 0, "error": problem}, status=403)
