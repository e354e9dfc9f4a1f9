"""The stores that the behaviour suite runs on: the reference first, then every other."""

from collections.abc import AsyncIterator
from pathlib import Path

import midway.store
import pytest
from midway.store import sqlite_url
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


# How many snapshots SQLite keeps in memory, other than as users have it: so few that they are left behind, none at all.
RECENT = {"sqlite-2-recent": 2, "sqlite-none-recent": 0}


@pytest.fixture(params=["memory", "sqlite", *RECENT])
async def store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[Store]:
    """Give each implementation in turn."""
    if request.param in RECENT:
        opened: Store = await SqliteStore.open(database, recent_snapshots=RECENT[request.param])
        yield opened
        await opened.close()
    else:
        url = sqlite_url(database) if request.param == "sqlite" else "memory:"
        async with midway.store.open(url) as opened:
            yield opened
