"""The key that signs links to pictures: generated once, kept in the data directory, never shown."""

import os
import secrets
import tempfile
from pathlib import Path

KEY_BYTES = 32


class LinkKeyUnusable(Exception):
    """The key's file cannot be used; the message says why, and contains nothing of the key."""


def link_key(path: Path) -> bytes:
    """Return the key, generated at the first call; links signed with it stay valid as long as the file exists.

    Raises LinkKeyUnusable. A damaged file is never replaced: that would invalidate every link.
    """
    try:
        if not path.exists():
            _write(path, secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    except OSError as err:
        raise LinkKeyUnusable(f"{path}: {err.strerror}") from err
    if len(key) != KEY_BYTES:
        raise LinkKeyUnusable(f"{path} is damaged; restore it, or delete it, which invalidates all links made so far")
    return key


def _write(path: Path, key: bytes) -> None:
    """Write the file atomically, readable only by its owner."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    Path(unfinished).replace(path)
