"""The stores that the behaviour suite runs on: the reference first, then every other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from midway.store.memory import MemoryStore
from midway.store.port import Store
from midway.store.sqlite import SqliteStore
from midway.store.sqlite.tail import TAIL_SIZE


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


# How many snapshots SQLite keeps in memory: as users have it, so few that they are left behind, none at all.
TAILS = {"sqlite": TAIL_SIZE, "sqlite-short-tail": 2, "sqlite-no-tail": 0}


@pytest.fixture(params=["memory", *TAILS])
async def store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[Store]:
    """Give each implementation in turn."""
    name = request.param
    opened: Store = MemoryStore() if name == "memory" else await SqliteStore.open(database, tail_size=TAILS[name])
    yield opened
    await opened.close()
