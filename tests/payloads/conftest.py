"""An engine with one account on a simulator, as incidents have it."""

from tests.faults.conftest import rig, simulator

__all__ = ["rig", "simulator"]
