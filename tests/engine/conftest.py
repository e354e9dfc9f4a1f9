"""One simulator and one engine for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rig import Rig, engine_running, simulator_running


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with two accounts, connected."""
    async with simulator_running() as simulator, engine_running(simulator, tmp_path) as rig:
        yield rig
