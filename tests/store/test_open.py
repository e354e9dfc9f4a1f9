"""One opener for every Store, by its URL."""

from pathlib import Path

import midway.store
import pytest
from midway.store import UnknownStore, sqlite_url
from midway.store.port import DatabaseRefused, Store

from tests.store.tasks import submitted


async def test_a_sqlite_file_is_there_again_after_the_context(tmp_path: Path):
    """Whatever its path holds that means something in a URL."""
    path = tmp_path / "100% of? it#" / "midway.db"
    async with midway.store.open(sqlite_url(path)) as store:
        task = await submitted(store)

    async with midway.store.open(sqlite_url(path)) as store:
        assert await store.get(task.id) == task
    assert path.is_file()


async def test_a_relative_path_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    async with midway.store.open("sqlite:///data/midway.db"):
        assert (tmp_path / "data" / "midway.db").is_file()


async def test_memory_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    async with midway.store.open("memory:") as store:
        task = await submitted(store)

    async with midway.store.open("memory:") as store:
        assert await store.get(task.id) is None
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a directory of this test's own


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "sqlite:///", "sqlite://midway.db", "midway.db", ""])
async def test_a_url_that_names_no_store_is_refused_and_not_repeated(url: str):
    """It may hold a password."""
    with pytest.raises(UnknownStore, match="names no store; memory: and sqlite:///PATH do") as refused:
        async with midway.store.open(url):
            pass

    assert isinstance(refused.value, DatabaseRefused)
    assert "secret" not in str(refused.value)


async def test_a_store_that_was_just_opened_is_well(store: Store):
    await submitted(store)

    for health in (store.health, await store.check_health()):
        assert (health.is_available, health.rows_quarantined) == (True, 0)
