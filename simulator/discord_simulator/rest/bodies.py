"""Request bodies: JSON, or a form with fields and files; Discord accepts either for every body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from discord_simulator.errors import InvalidForm
from discord_simulator.json_types import Json

from .context import json_object, read_body
from .form import Form
from .multipart import Part, read_parts

PAYLOAD = "payload_json"  # the field of a form that holds the body as JSON
MULTIPART, URL_ENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
UNNAMED = "application/octet-stream"  # what aiohttp calls a body without a type, which Discord takes for JSON
CONTENT_TYPES = ("application/json", URL_ENCODED, MULTIPART)
MAX_FIELDS = 1_000
_FILE = re.compile(r"files\[(\d{1,20})\]")

Files = Mapping[str, Part]  # by attachment id: that of part `files[3]` is 3


async def read_form(request: web.Request) -> Form:
    """Read the body as an object of fields; files in it are ignored."""
    return (await read_form_and_files(request))[0]


async def read_optional_form(request: web.Request) -> Form:
    """As `read_form`, for routes that clients also call without a body."""
    return await read_form(request) if await read_body(request) else Form({})


async def read_form_and_files(request: web.Request) -> tuple[Form, Files]:
    """Read the body as an object of fields, and its files."""
    body = await read_body(request)
    if request.content_type == MULTIPART:
        parts = read_parts(request.headers["Content-Type"], body)
        return Form(_fields(parts)), _files(parts)
    if request.content_type == URL_ENCODED:
        return Form(_fields({name: Part(None, value) for name, value in _url_encoded(body)})), {}
    if request.content_type not in (*CONTENT_TYPES, UNNAMED):
        raise InvalidForm("", "CONTENT_TYPE_INVALID", f'Expected "Content-Type" header to be one of {CONTENT_TYPES}.')
    return Form(json_object(body)), {}


def read_query(request: web.Request) -> Form:
    """Read the query as an object of fields; of two with one name the first counts."""
    return Form(dict(request.query))


def _files(parts: Mapping[str, Part]) -> Files:
    """Find the files; one under another name than `files[n]`, as before 2021, is numbered by its place."""
    files = [(name, part) for name, part in parts.items() if _is_file(name, part)]
    named = ((_FILE.fullmatch(name), str(place), part) for place, (name, part) in enumerate(files))
    return {found[1] if found else place: part for found, place, part in named}


def _fields(parts: Mapping[str, Part]) -> Json:
    if payload := parts.get(PAYLOAD):
        return json_object(payload.content)
    fields = (name for name in parts if not _is_file(name, parts[name]))
    return {name: parts[name].content.decode(errors="replace") for name in fields}


def _is_file(name: str, part: Part) -> bool:
    """Tell whether a part is a file; browsers give the payload a file name, too, when it is a Blob."""
    return part.filename is not None and name != PAYLOAD


def _url_encoded(body: bytes) -> list[tuple[str, bytes]]:
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as err:
        raise InvalidForm("", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FIELDS} or fewer in length.") from err
    return [(name.decode(errors="replace"), value) for name, value in pairs]
