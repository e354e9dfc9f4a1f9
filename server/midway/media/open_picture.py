"""A picture that is open for reading."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from midway.media.content_type import content_type_from_bytes

_HEAD_BYTES = 16  # enough to detect the type


@dataclass(frozen=True, slots=True)
class OpenPicture:
    """A picture open for reading; it stays readable when its file is deleted. Its descriptor is not shared."""

    file: BinaryIO  # unbuffered, positioned at the start; reading blocks on the disk
    size: int  # bytes
    content_type: str


Maybe = TypeVar("Maybe", bound=OpenPicture | None)


def open_picture(path: Path, claimed_type: str = "") -> OpenPicture:
    """Open a picture; its type is detected from its first bytes, or else is the claimed one. Raises OSError."""
    file = path.open("rb", buffering=0)
    try:
        descriptor = file.fileno()
        content_type = content_type_from_bytes(os.pread(descriptor, _HEAD_BYTES, 0), claimed_type)
        return OpenPicture(file, os.fstat(descriptor).st_size, content_type)
    except BaseException:
        file.close()
        raise


async def opened_in_thread(opens: Callable[[], Maybe]) -> Maybe:
    """Open a picture in a thread; when the caller is cancelled meanwhile, it is closed."""
    opening = asyncio.get_running_loop().run_in_executor(None, opens)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[Maybe]) -> None:
    if opening.cancelled() or opening.exception() is not None:
        return
    picture = opening.result()
    if picture is not None:
        picture.file.close()
