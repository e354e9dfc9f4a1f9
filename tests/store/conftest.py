"""The stores that the behaviour suite runs on: the reference first, then every other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from midway.store.memory import MemoryStore
from midway.store.port import Store
from midway.store.sqlite import SqliteStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Name a database file of this test's own; nothing is there yet."""
    return tmp_path / "data" / "midway.db"


@pytest.fixture
async def sqlite(database: Path) -> AsyncIterator[SqliteStore]:
    """Open a SQLite store in a new file."""
    store = await SqliteStore.open(database)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[Store]:
    """Give each implementation in turn."""
    opened: Store = MemoryStore() if request.param == "memory" else await SqliteStore.open(database)
    yield opened
    await opened.close()
