"""Runs one Account: a loop that calls the Account's core and carries out its effects, on disk and at Discord."""

from midway.engine.worker.worker import Worker

__all__ = ["Worker"]
