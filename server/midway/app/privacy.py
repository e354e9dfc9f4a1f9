"""Keeps our files readable only by their owner: prompts, pictures and tokens are private."""

import os
from pathlib import Path

OTHERS = 0o077  # umask: no permissions for group and others


def keep_files_private() -> None:
    """Make this process and its children create files that only their owner may read."""
    os.umask(OTHERS)


def make_private_directory(directory: Path) -> None:
    """Create a directory that only its owner may enter. An existing one keeps its permissions."""
    directory.mkdir(mode=0o777 & ~OTHERS, parents=True, exist_ok=True)
