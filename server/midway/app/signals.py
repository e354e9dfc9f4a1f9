"""Signals that ask for an orderly end."""

import asyncio
import signal


def end_on_sigterm() -> None:
    """Make SIGTERM do what Ctrl-C does: cancel the main task of the running asyncio.run."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
