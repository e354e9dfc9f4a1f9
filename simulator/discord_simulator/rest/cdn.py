"""The CDN and its media proxy: signed links in, bytes out."""

from __future__ import annotations

from aiohttp import web

from .context import WORLD
from .download import Download

GONE = "This content is no longer available."
FILE = "{folder:attachments|ephemeral-attachments}/{channel}/{attachment}/{filename}"
routes = web.RouteTableDef()


@routes.get("/" + FILE, name="cdn")
@routes.get("/media/" + FILE, name="media")
async def read(request: web.Request) -> web.StreamResponse:
    """Send the file, or 404 when the link's signature is wrong or its day is over."""
    found = request.match_info
    path = f"/{found['folder']}/{found['channel']}/{found['attachment']}/{found['filename']}"
    picture = request.app[WORLD].files.open(path, request.query)
    if picture is None:
        return web.Response(status=404, text=GONE)
    return Download(request, picture)
