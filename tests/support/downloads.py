"""Reads whole what comes piece by piece."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from midway.discord.partial_file import PartialFile


async def downloaded(download: Callable[[PartialFile], Awaitable[None]]) -> bytes:
    """Have a file brought to the disk and return its bytes."""
    with tempfile.TemporaryDirectory() as directory:
        file = PartialFile(Path(directory) / "file.part")
        file.path.touch()
        await download(file)
        assert file.is_whole
        return await asyncio.to_thread(file.path.read_bytes)
