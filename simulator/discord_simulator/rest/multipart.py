"""multipart/form-data as Discord takes it: lines may end in CRLF or in LF, and what is broken is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_BOUNDARY = re.compile(r""";\s*boundary=(?:"([^"]+)"|([^\s";]+))""", re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*form-data(.*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r""";\s*(name|filename)(\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))""", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part of a form: a field, or a file where it has a `filename`."""

    filename: str | None
    content: bytes


def read_parts(content_type: str, body: bytes) -> dict[str, Part]:
    """Read the parts by name; of two with one name the first counts. Nothing is found where nothing is well-formed."""
    parts: dict[str, Part] = {}
    for head, content in _split(_boundary(content_type), body):
        name, filename = _disposition(head)
        if name is not None:
            parts.setdefault(name, Part(filename, content))
    return parts


def _boundary(content_type: str) -> bytes:
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode(errors="surrogateescape") if found else b""


def _split(boundary: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield head and content of every part that has an end; the first line says how lines end."""
    opening = re.search(rb"(?:^|\n)--" + re.escape(boundary) + rb"[ \t]*(\r?\n)", body) if boundary else None
    if opening is None:
        return
    line_end = rb"\r?\n" if opening[1] == b"\r\n" else rb"\n"  # with LF a picture may end in a CR of its own
    delimiter = re.compile(rb"(?:^|" + line_end + rb")--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|$)")
    start = opening.end()
    while end := delimiter.search(body, start - len(opening[1])):
        head, blank, content = _cut(body[start : max(start, end.start())])
        if blank:
            yield head, content
        if end[1]:
            return
        start = end.end()


def _cut(part: bytes) -> tuple[bytes, bytes, bytes]:
    """Part the headers from the content at the first empty line."""
    blank = re.search(rb"\r?\n\r?\n", part)
    return (part[: blank.start()], blank[0], part[blank.end() :]) if blank else (part, b"", b"")


def _disposition(head: bytes) -> tuple[str | None, str | None]:
    """Read name and file name of a part; `filename*=UTF-8''%C3%A4.png` wins over `filename`, as everywhere."""
    header = _DISPOSITION.search(head)
    found: dict[str, str] = {}
    for name, encoded, quoted, bare in _PARAMETER.findall(header[1].decode(errors="replace") if header else ""):
        if encoded:
            found[name.lower()] = unquote((quoted or bare).rpartition("'")[2])
        else:
            found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or bare)
    return found.get("name"), found.get("filename")
