"""Detects the content type of a picture or film from its bytes; the file extension of each type."""

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "application/octet-stream": "bin",
}
UNKNOWN = "application/octet-stream"

# (offset, bytes there) -> type
_SIGNATURES = {
    (0, b"\x89PNG\r\n\x1a\n"): "image/png",
    (0, b"\xff\xd8\xff"): "image/jpeg",
    (0, b"GIF8"): "image/gif",
    (8, b"WEBP"): "image/webp",
    (4, b"ftyp"): "video/mp4",
    (0, b"\x1aE\xdf\xa3"): "video/webm",
}


def content_type_from_bytes(data: bytes, claimed: str = "") -> str:
    """Tell the type by the first bytes; use the claimed type only if they match none and it is one of EXTENSIONS."""
    found = (kind for (offset, signature), kind in _SIGNATURES.items() if data.startswith(signature, offset))
    return next(found, claimed if claimed in EXTENSIONS else UNKNOWN)
