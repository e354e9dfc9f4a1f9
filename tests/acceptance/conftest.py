"""The whole thing, as its users run it: `midway stack` as a process, and clients that know nothing of its inside."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client, client_of
from tests.acceptance.simulator import running_simulator
from tests.support.stack import StackProcess, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """One stack for every test that leaves it as it found it."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
async def client(stack: StackProcess) -> AsyncIterator[Client]:
    """A client of the common stack."""
    async with client_of(stack) as opened:
        yield opened


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[str]:
    """A simulator that goes on while stacks come and go; its URL."""
    with running_simulator() as url:
        yield url
