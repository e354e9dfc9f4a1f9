"""Decides what is done for one Account: takes what happened and returns effects. It performs no I/O and never waits.

`core.Core` is its interface. `tools/engine_rules.py` checks that it imports only values and pure functions from the
rest of the engine.
"""

from midway.engine.core.core import PORTION, Core

__all__ = ["PORTION", "Core"]
