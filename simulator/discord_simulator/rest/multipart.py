"""multipart/form-data as Discord parses it: lines may end in CRLF or LF, and malformed parts are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

MAX_HEAD_BYTES = 8_192
_DELIMITER_REST = re.compile(rb"(--)?[ \t]*(\r?\n|\Z)")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
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
    """Yield head and content of every part that has an end.

    The first delimiter says how lines end: where they end with LF, a picture may end with a CR of its own.
    """
    start, line_end = None, b""
    for at, delimiter in _delimiters(boundary, body):
        if start is None:
            line_end = delimiter[2]
        else:
            head, blank, content = _cut(_without_line_end(body[start:at], line_end))
            if blank:
                yield head, content
        if delimiter[1]:
            return
        start = delimiter.end()


def _delimiters(boundary: bytes, body: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Find the lines that hold nothing but the boundary: where each begins, and what follows the boundary in it."""
    mark = b"--" + boundary
    at = body.find(mark) if boundary else -1
    while at >= 0:
        rest = _DELIMITER_REST.match(body, at + len(mark))
        if rest and (at == 0 or body.startswith(b"\n", at - 1)):
            yield at, rest
        at = body.find(mark, at + len(mark))


def _without_line_end(part: bytes, line_end: bytes) -> bytes:
    return part.removesuffix(line_end) if part.endswith(line_end) else part.removesuffix(b"\n")


def _cut(part: bytes) -> tuple[bytes, bytes, bytes]:
    """Part the headers from the content at the first empty line."""
    blank = _EMPTY_LINE.search(part, 0, MAX_HEAD_BYTES)
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
