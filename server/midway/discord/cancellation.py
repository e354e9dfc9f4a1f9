"""Restores cancellations that third-party code swallows.

discord.py-self waits for frames in Python 3.11's `wait_for`, which loses a cancellation that arrives together with a
frame; curl_cffi suppresses every cancellation while it cancels its own tasks. Without this, a client could not be
stopped while Discord sends frames or while a socket closes.
"""

import asyncio


def raise_if_cancelled() -> None:
    """Raise CancelledError if the current task has a pending cancellation; call after awaiting third-party code."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
