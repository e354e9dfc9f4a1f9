"""Uploads and links: reserve a slot, PUT the bytes; re-sign the links of existing files."""

from __future__ import annotations

from collections.abc import Container

from aiohttp import web

from discord_simulator.entities import Upload
from discord_simulator.errors import VIA, InvalidForm, TooLarge, json_response
from discord_simulator.json_types import Json
from discord_simulator.uploads import Uploads, resolve_uploads

from .bodies import Files, read_form
from .context import API, WORLD, account_of, channel_of, read_body
from .form import Form

MAX_FILE_BYTES = 25 << 20  # Discord's limit without a subscription was 25 MiB when the reference was taken
MAX_URLS = 50  # of one refresh
routes = web.RouteTableDef()


@routes.post(API + "/channels/{channel}/attachments", name="attachments")
async def reserve(request: web.Request) -> web.Response:
    """Reserve a slot for each file and say where to PUT it."""
    channel_of(request, account_of(request, verified=True))
    files = (await read_form(request)).children("files")
    if not files:
        raise InvalidForm("files", "BASE_TYPE_REQUIRED", "This field is required")
    return json_response({"attachments": [_reserve(request, file) for file in files]})


def _reserve(request: web.Request, file: Form) -> Json:
    world = request.app[WORLD]
    filename = (file.text("filename") or "").rpartition("/")[2]
    if not filename:
        raise file.error("filename", "BASE_TYPE_REQUIRED", "This field is required")
    size = file.need("file_size", lambda key: file.number(key, lowest=1))
    if size > MAX_FILE_BYTES:
        raise TooLarge
    key = world.uploads.reserve(filename, size)
    url = request.url.origin().with_path(f"/upload/{key}").with_query(upload_id=f"{world.random.getrandbits(64):x}")
    return {"id": int(file.snowflake("id") or 0), "upload_url": str(url), "upload_filename": key}


@routes.post(API + "/attachments/refresh-urls", name="refresh_urls")
async def refresh(request: web.Request) -> web.Response:
    """Re-sign links of attachments, expired or not; null for any other link."""
    account_of(request)
    form = await read_form(request)
    urls = form.texts("attachment_urls")
    if not 1 <= len(urls) <= MAX_URLS:
        raise form.error("attachment_urls", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_URLS} in length.")
    files = request.app[WORLD].files
    return json_response({"refreshed_urls": [{"original": url, "refreshed": files.refreshed(url)} for url in urls]})


@routes.delete(API + "/attachments/{key:.+}", name="delete_upload")
async def discard(request: web.Request) -> web.Response:
    """Release a slot that no message or command has used."""
    account_of(request)
    request.app[WORLD].uploads.discard(request.match_info["key"])
    return web.Response(status=204, headers=VIA)


@routes.put("/upload/{key:.+}", name="upload")
async def store(request: web.Request) -> web.Response:
    """Take the bytes of a reserved file; needs no token, and no other size than announced."""
    slot = request.app[WORLD].uploads.slot(request.match_info["key"])
    if slot is None:
        return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
    content = await read_body(request)
    if len(content) != slot.size:
        return web.Response(status=400, text="<Error><Code>EntityTooSmall</Code></Error>")
    slot.content = content
    return web.Response()


def files_of(form: Form, files: Files, uploads: Uploads, *, known: Container[str] = ()) -> list[Upload]:
    """Find the files of a command or message: those that it lists, or else all that came with it.

    `known` are the ids of attachments that an edited message has already.
    """
    listed = [_attachment(item) for item in form.children("attachments")]
    new = [item for item in listed if item["id"] not in known]
    came = [{"id": file_id, "filename": part.filename} for file_id, part in files.items()]
    return resolve_uploads(uploads, new if listed else came, {name: part.content for name, part in files.items()})


def _attachment(form: Form) -> Json:
    return {
        "id": form.snowflake("id"),
        "filename": form.text("filename"),
        "uploaded_filename": form.text("uploaded_filename"),
    }
