"""Uploads: a slot is reserved over REST, filled by PUT, then named in a command or message."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from PIL import Image

from .attachments import Picture
from .entities import Upload
from .errors import InvalidForm
from .json_types import Json


@dataclass
class Slot:
    """A reserved place for one file of a known size."""

    filename: str
    size: int
    content: bytes | None = None  # None until the PUT


class Uploads:
    """All slots, by `upload_filename`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._slots: dict[str, Slot] = {}

    def reserve(self, filename: str, size: int) -> str:
        """Make a slot and return its `upload_filename`."""
        key = f"{self._random.getrandbits(128):032x}/{filename}"
        self._slots[key] = Slot(filename, size)
        return key

    def slot(self, upload_filename: str) -> Slot | None:
        """Find a slot, filled or not."""
        return self._slots.get(upload_filename)

    def discard(self, upload_filename: str) -> None:
        """Forget one slot, if there is such a one."""
        self._slots.pop(upload_filename, None)

    def clear(self) -> None:
        """Forget every slot."""
        self._slots.clear()


def resolve_uploads(uploads: Uploads, attachments: list[Json], files: Mapping[str, bytes]) -> list[Upload]:
    """Find the bytes behind the attachments of a command or message.

    An attachment names an earlier upload, or has its bytes in `files` under its id: they came in the same request.
    Raises InvalidForm when neither holds.
    """
    return [_resolve(uploads, index, attachment, files) for index, attachment in enumerate(attachments)]


def _resolve(uploads: Uploads, index: int, attachment: Json, files: Mapping[str, bytes]) -> Upload:
    attachment_id = attachment["id"] or str(index)
    slot = uploads.slot(str(attachment.get("uploaded_filename")))
    content = slot.content if slot else files.get(attachment_id)
    if content is None:
        raise InvalidForm(f"attachments.{index}", "ATTACHMENT_NOT_FOUND", "Uploaded file was not found")
    filename = str(attachment.get("filename") or (slot.filename if slot else "unknown"))
    return Upload(attachment_id, filename.rpartition("/")[2] or "unknown", content)


def picture_from_upload(upload: Upload) -> Picture:
    """Make a picture of an uploaded file; one that is no picture, or a broken one, has no size."""
    try:
        with Image.open(io.BytesIO(upload.content)) as image:
            content_type = Image.MIME.get(image.format or "", "application/octet-stream")
            return Picture(upload.filename, content_type, upload.content, image.width, image.height)
    except (OSError, ValueError, ArithmeticError, EOFError, LookupError, Image.DecompressionBombError):
        return Picture(upload.filename, "application/octet-stream", upload.content, 0, 0)
