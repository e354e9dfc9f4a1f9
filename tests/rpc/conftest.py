"""The server on a free port, the real engine behind it, the simulator behind that."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rpc.served import Served, serving
from tests.support.rig import engine_running, simulator_running


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for no key."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig) as served,
    ):
        yield served
