"""However many ask for a picture, it comes from Discord once; what nobody needs any more is not left lying about."""

import asyncio
import random
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from midway.domain.errors import Unavailable
from midway.domain.image import Image
from midway.domain.lifecycle import Progressed
from midway.domain.task import Task
from midway.media import downloads as downloads_module
from midway.media.downloads import Fetch
from midway.media.keeper import ArchiveKeeper
from midway.media.open_picture import OpenPicture, open_picture, opened_in_thread
from midway.store.memory import MemoryStore
from midway.store.watch import Watch

from tests.media.conftest import QUICK, Shelf, content, fetching, given, keeping, live, succeeded
from tests.support.cdn import Cdn, cdn_running

MIB = 1024 * 1024
FILM = b"\0\0\0\x20ftypisom" + random.Random(1).randbytes(3 * MIB)
CUT = 2 * MIB


@pytest.fixture
async def film() -> AsyncIterator[Cdn]:
    async with cdn_running(Cdn(FILM)) as cdn:
        yield cdn


@pytest.fixture
async def fetch(film: Cdn) -> AsyncIterator[Fetch]:
    async with fetching(film.url) as fetch:
        yield fetch


@pytest.fixture
def keeper(store: MemoryStore, watch: Watch, shelf: Shelf, fetch: Fetch) -> ArchiveKeeper:
    return ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)


async def finished(store: MemoryStore, film: Cdn) -> Task:
    return await live(store, succeeded(Image(film.url)))


async def previewed(store: MemoryStore, film: Cdn) -> Task:
    return await live(store, Progressed(30, image=Image(film.url)))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("kind", [finished, previewed])
async def test_a_hundred_who_ask_at_once_share_one_download(
    store: MemoryStore, keeper: ArchiveKeeper, directory: Path, film: Cdn, kind
):
    film.gate.clear()
    task = await kind(store, film)
    asking = [asyncio.create_task(given(keeper, task)) for _ in range(100)]
    await until_needed_by(keeper, 100)
    film.gate.set()

    assert await asyncio.gather(*asking) == [(FILM, "video/mp4")] * 100
    assert len(film.asked) == 1
    assert names(directory) == ([f"{task.id}.mp4"] if task.has_final_picture else [])


async def test_who_asks_while_the_picture_is_being_kept_waits_for_that(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, film: Cdn
):
    film.gate.clear()
    async with keeping(keeper):
        task = await finished(store, film)
        await film.is_asked.wait()
        asking = asyncio.create_task(given(keeper, task))
        await until_needed_by(keeper, 2)
        film.gate.set()

        assert await asking == (FILM, "video/mp4")
    assert len(film.asked) == 1


async def test_a_preview_that_nobody_waits_for_any_more_is_given_up(
    store: MemoryStore, keeper: ArchiveKeeper, directory: Path, film: Cdn
):
    film.gate.clear()
    task = await previewed(store, film)
    asking = [asyncio.create_task(given(keeper, task)) for _ in range(2)]
    await film.is_asked.wait()
    for one in asking:
        one.cancel()
    await asyncio.wait(asking)

    assert all(one.cancelled() for one in asking)
    assert names(directory) == []
    assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("picture-")]


async def test_a_final_picture_is_kept_although_nobody_waits_any_more(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, film: Cdn
):
    """Over a slow line it takes longer than clients wait; the next one who asks finds it."""
    film.gate.clear()
    task = await finished(store, film)
    asking = asyncio.create_task(given(keeper, task))
    await film.is_asked.wait()
    asking.cancel()
    await asyncio.wait([asking])
    film.gate.set()
    await shelf.until(lambda: shelf.has(task.id))

    assert await given(keeper, task) == (FILM, "video/mp4")
    assert len(film.asked) == 1
    await asyncio.gather(*(download.running for download in keeper._downloads._shared.values()))
    assert not keeper._downloads._shared


async def test_one_who_hangs_up_takes_nothing_from_the_others(store: MemoryStore, keeper: ArchiveKeeper, film: Cdn):
    film.gate.clear()
    task = await finished(store, film)
    first, second = (asyncio.create_task(given(keeper, task)) for _ in range(2))
    await until_needed_by(keeper, 2)
    first.cancel()
    await asyncio.wait([first])
    film.gate.set()

    assert await second == (FILM, "video/mp4")
    assert len(film.asked) == 1


async def test_a_preview_is_nowhere_after_it_was_closed(
    store: MemoryStore, keeper: ArchiveKeeper, directory: Path, film: Cdn
):
    task = await previewed(store, film)
    async with keeper.open(task) as picture:
        assert names(directory) == []  # it has no name even now
        assert picture.file.read() == FILM


async def test_the_next_try_goes_on_where_the_last_one_ended(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, directory: Path, film: Cdn
):
    film.cuts = [CUT, 0]
    task = await finished(store, film)
    with pytest.raises(Unavailable):
        await given(keeper, task)
    came = sum(path.stat().st_size for path in directory.iterdir())  # noqa: ASYNC240  # a handful, in a test

    assert await given(keeper, task) == (FILM, "video/mp4")
    assert [wanted for wanted, _ in film.asked] == ["", f"bytes={came}-", f"bytes={came}-"]
    assert names(directory) == [f"{task.id}.mp4"]


async def test_the_keeper_brings_a_film_through_many_cuts(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, film: Cdn
):
    film.cuts = [MIB, 0, MIB, 0, MIB, 0]
    task = await finished(store, film)
    async with keeping(keeper):
        await shelf.until(lambda: shelf.has(task.id))

    assert content(shelf, task.id) == (FILM, "video/mp4")


async def test_few_half_pictures_are_left_lying_about(
    store: MemoryStore, keeper: ArchiveKeeper, directory: Path, film: Cdn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads_module, "MOST_INTERRUPTED", 2)
    film.cuts = [MIB, 0] * 5
    for _ in range(5):
        with pytest.raises(Unavailable):
            await given(keeper, await finished(store, film))

    assert len(names(directory)) == 2


async def test_a_picture_opened_too_late_for_who_asked_is_closed(tmp_path: Path):
    path = tmp_path / "1.png"
    path.write_bytes(b"picture")  # a handful of bytes, in a test
    may_open, opened = threading.Event(), []

    def slowly() -> OpenPicture:
        may_open.wait()
        opened.append(open_picture(path))
        return opened[0]

    asking = asyncio.create_task(opened_in_thread(slowly))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    may_open.set()
    while not (opened and opened[0].file.closed):  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)

    assert asking.cancelled()


async def test_memory_does_not_grow_with_the_picture(store: MemoryStore, watch: Watch, shelf: Shelf, directory: Path):
    """64 MiB from the CDN to the disk and on to ten who read them."""
    size = 64 * MIB
    async with cdn_running(Cdn(bytes(size))) as cdn, fetching(cdn.url) as fetch:
        keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)
        task = await finished(store, cdn)
        tracemalloc.start()
        try:
            sizes = await asyncio.gather(*(read_in_pieces(keeper, task) for _ in range(10)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert sizes == [size] * 10
    assert peak < 8 * MIB


async def read_in_pieces(keeper: ArchiveKeeper, task: Task) -> int:
    count = 0
    async with keeper.open(task) as picture:
        while piece := await asyncio.to_thread(picture.file.read, MIB // 8):
            count += len(piece)
    return count


async def until_needed_by(keeper: ArchiveKeeper, count: int) -> None:
    """Return when so many wait for the one download."""
    async with asyncio.timeout(60):
        while [download.needed_by for download in keeper._downloads._shared.values()] != [count]:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
