"""What answers under /api for versions that are not served."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.errors import InvalidVersion

routes = web.RouteTableDef()


@routes.route("*", r"/api/{version:v(?!(?:6|7|8|9|10)(?:/|$))\d+}{rest:(?:/.*)?}", name="invalid_version")
async def invalid_version(_request: web.Request) -> web.Response:
    """Refuse versions before 6 and after 10, whatever is asked for."""
    raise InvalidVersion
