"""The CDN and its media proxy: signed links in, bytes out."""

from __future__ import annotations

import asyncio
from functools import partial

from aiohttp import web

from discord_simulator.attachments import KeptPicture, StoredPicture
from discord_simulator.world import World

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
    world = request.app[WORLD]
    picture = world.files.open(path, request.query)
    stored = await _stored(world, picture) if picture else None
    return Download(request, stored) if stored else web.Response(status=404, text=GONE)


async def _stored(world: World, picture: KeptPicture) -> StoredPicture | None:
    """Return a picture's bytes, drawn in a thread at the first read; None if the simulator was reset meanwhile."""
    if isinstance(picture, StoredPicture):
        return picture
    drawing = world.drawing_pool.draw(partial(world.files.stored, picture))
    await asyncio.wait([drawing])
    return None if drawing.cancelled() else drawing.result()
