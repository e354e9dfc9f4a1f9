"""Decides what is done for one Account: what happened goes in, what follows comes out. It waits for nothing.

`core.Core` is the way in. `tools/engine_rules.py` keeps the rest of the engine out.
"""

from midway.engine.core.core import PORTION, Core

__all__ = ["PORTION", "Core"]
