"""Files of ours are for us alone: prompts, pictures and tokens are private."""

import os
from pathlib import Path

OTHERS = 0o077  # what a file or directory of ours lets nobody else do


def keep_files_private() -> None:
    """Let this process and those it starts make files that only their owner may read."""
    os.umask(OTHERS)


def make_private_directory(directory: Path) -> None:
    """Make a directory that only its owner may enter. One that is there stays as its owner has set it up."""
    directory.mkdir(mode=0o777 & ~OTHERS, parents=True, exist_ok=True)
