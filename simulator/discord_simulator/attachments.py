"""Pictures, and the attachments of messages that carry them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .blob_store import Blob

ATTACHMENT_SCHEME = "attachment://"  # in an embed's image: "the attached file of this name"


@dataclass(frozen=True)
class Picture:
    """A file that a message shall carry; `ephemeral` puts its link under /ephemeral-attachments/."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)
    width: int
    height: int
    ephemeral: bool = False


@dataclass(eq=False)
class CdnFile:
    """A file as messages show it."""

    filename: str
    content_type: str
    size: int  # bytes
    width: int
    height: int
    ephemeral: bool = False


@dataclass(eq=False, kw_only=True)
class StoredPicture(CdnFile):
    """A picture whose bytes are on disk, where Files.keep put them."""

    blob: Blob
    etag: str


@dataclass(eq=False, kw_only=True)
class LatePicture(CdnFile):
    """A picture that is drawn when it is first read; its file has exactly the size that was announced before."""

    draw: Callable[[], bytes] = field(repr=False)
    drawn: StoredPicture | None = None


KeptPicture = StoredPicture | LatePicture


@dataclass(frozen=True)
class Attachment:
    """A picture kept by the CDN under an id of its own."""

    id: str
    channel_id: str
    picture: KeptPicture

    @property
    def path(self) -> str:
        """The part of its link that never changes."""
        folder = "ephemeral-attachments" if self.picture.ephemeral else "attachments"
        return f"/{folder}/{self.channel_id}/{self.id}/{self.picture.filename}"
