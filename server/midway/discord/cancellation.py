"""Keeps cancellations that third parties lose.

Python 3.11's `wait_for`, in which discord.py-self waits for frames, forgets a cancellation that comes together with
one; curl_cffi suppresses every cancellation while it ends its own tasks. A client could not be stopped while Discord
is talking, nor while a socket closes.
"""

import asyncio


def raise_if_cancelled() -> None:
    """Raise CancelledError when the current task was asked to end and has not ended; call after foreign awaits."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
