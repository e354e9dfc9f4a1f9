"""The key that signs links to pictures: made once, kept in the data directory, never shown."""

import os
import secrets
import tempfile
from pathlib import Path

KEY_BYTES = 32


class LinkKeyUnusable(Exception):
    """The key's file cannot be used; the message says why, and holds nothing of the key."""


def link_key(path: Path) -> bytes:
    """Return the key, made at the first call; links signed with it stay right as long as the file is there.

    Raises LinkKeyUnusable. A damaged file is never replaced: that would end every link given out.
    """
    try:
        if not path.exists():
            _write(path, secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    except OSError as err:
        raise LinkKeyUnusable(f"{path}: {err.strerror}") from err
    if len(key) != KEY_BYTES:
        raise LinkKeyUnusable(f"{path} is damaged; put it back, or delete it to end every link given out")
    return key


def _write(path: Path, key: bytes) -> None:
    """Write the file whole or not at all, for its owner only."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    Path(unfinished).replace(path)
