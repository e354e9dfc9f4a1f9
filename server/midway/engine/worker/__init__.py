"""Runs one Account: a loop that has its core decide, and carries out what follows, on the disk and at Discord."""

from midway.engine.worker.worker import Worker

__all__ = ["Worker"]
