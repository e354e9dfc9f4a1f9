"""Small stages for incidents: a simulator, and an engine on it, with one account or more."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from discord_simulator.app import Simulator

from tests.support.rig import Rig, engine_running, simulator_running


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator with two accounts, a hundred times as fast as Midjourney."""
    async with simulator_running() as simulator:
        yield simulator


@pytest.fixture
async def rig(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, connected."""
    async with engine_running(simulator, tmp_path, accounts=1) as rig:
        yield rig


@pytest.fixture
async def pair(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with two accounts, connected."""
    async with engine_running(simulator, tmp_path) as rig:
        yield rig
