"""Upload routes: reserve a slot, then PUT the bytes."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.errors import InvalidForm, TooLarge, json_response
from discord_simulator.json_types import Json

from .context import WORLD, account_of, channel_of, json_body

MAX_FILE_BYTES = 25 << 20  # Discord's limit without a subscription was 25 MiB when the reference was taken
routes = web.RouteTableDef()


@routes.post("/api/{version:v9|v10}/channels/{channel}/attachments", name="attachments")
async def reserve(request: web.Request) -> web.Response:
    """Reserve a slot for each file and say where to PUT it."""
    channel_of(request, account_of(request, verified=True))
    files = (await json_body(request)).get("files")
    if not isinstance(files, list) or not files:
        raise InvalidForm("files", "BASE_TYPE_REQUIRED", "This field is required")
    return json_response({"attachments": [_reserve(request, file) for file in files]})


def _reserve(request: web.Request, file: Json) -> Json:
    world = request.app[WORLD]
    filename, size = str(file.get("filename") or ""), int(file.get("file_size") or 0)
    if not filename or size <= 0:
        raise InvalidForm("files", "BASE_TYPE_REQUIRED", "filename and file_size are required")
    if size > MAX_FILE_BYTES:
        raise TooLarge
    key = world.uploads.reserve(filename.rpartition("/")[2], size)
    url = request.url.origin().with_path(f"/upload/{key}").with_query(upload_id=f"{world.random.getrandbits(64):x}")
    return {"id": int(file.get("id") or 0), "upload_url": str(url), "upload_filename": key}


@routes.put("/upload/{key:.+}", name="upload")
async def store(request: web.Request) -> web.Response:
    """Take the bytes of a reserved file; needs no token, and no other size than announced."""
    slot = request.app[WORLD].uploads.slot(request.match_info["key"])
    if slot is None:
        return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
    content = await request.read()
    if len(content) != slot.size:
        return web.Response(status=400, text="<Error><Code>EntityTooSmall</Code></Error>")
    slot.content = content
    return web.Response()
