"""Small stages for incidents: a simulator, and an engine on it, with one account or more."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from discord_simulator.app import Simulator

from tests.faults.stage import stage
from tests.support.rig import Rig, simulator_running


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator with two accounts, a hundred times as fast as Midjourney."""
    async with simulator_running() as simulator:
        yield simulator


@pytest.fixture
async def rig(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, connected."""
    async with stage(simulator, tmp_path) as rig:
        yield rig


@pytest.fixture
async def pair(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with two accounts, connected."""
    async with stage(simulator, tmp_path, accounts=2) as rig:
        yield rig


@pytest.fixture
async def quick(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, connected, that looks at the history after a second of silence."""
    async with stage(simulator, tmp_path, idle_timeout=1) as rig:
        yield rig


@pytest.fixture
async def hasty(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, connected, that waits a second for a first sign."""
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        yield rig


@pytest.fixture
async def hurried(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, connected, that waits half a second for a seed."""
    async with stage(simulator, tmp_path, seed_timeout=0.5) as rig:
        yield rig
