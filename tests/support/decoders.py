"""The processes in which a server decodes pictures."""

import asyncio
import os
import time
from pathlib import Path

from midway.pictures import decoder_process

from tests.support.processes import PATIENCE_SECONDS


def decoders_of(parent: int) -> list[int]:
    """List the living decoding processes of a process."""
    return sorted(pid for pid in _children(parent) if decoder_process.__name__ in _command(pid))


def until_some(parent: int, count: int) -> list[int]:
    """Wait until a process has so many decoding processes, and list them."""
    end = time.monotonic() + PATIENCE_SECONDS
    while len(found := decoders_of(parent)) < count:
        assert time.monotonic() < end, f"{found} are all that decode"
        time.sleep(0.01)
    return found


async def until_gone(pids: list[int]) -> None:
    """Wait until none of these processes lives. Polled: another process's children tell nobody else of their end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(_is_alive(pid) for pid in pids):  # noqa: ASYNC110 - no event tells of a process that is not our child
            await asyncio.sleep(0.01)


def _children(parent: int) -> list[int]:
    found = []
    for tasks in Path(f"/proc/{parent}/task").iterdir():
        try:
            found += [int(pid) for pid in (tasks / "children").read_text().split()]
        except OSError:  # the thread has ended
            continue
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return bool(_command(pid))  # one that has ended and is not reaped has none
