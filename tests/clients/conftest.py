"""The real server, asking for a key, with jobs slow enough for a stream to be dropped in the middle."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rpc.served import Served, serving
from tests.support.rig import engine_running, simulator_running

API_KEY = "key-of-the-clients"


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for a key."""
    async with (
        simulator_running(speed=10) as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, api_keys=(API_KEY,)) as served,
    ):
        yield served
