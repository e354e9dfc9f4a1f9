"""Thumbnails: each made once, kept beside its picture, and thrown away with it."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import PIL.Image
import pytest
from midway.domain.errors import Conflict, NotFound, Reason, Unavailable, Unsupported
from midway.domain.ids import TaskId
from midway.domain.lifecycle import Progressed
from midway.domain.task import Task
from midway.media.archive import Archive, Retention
from midway.media.downloads import Fetch
from midway.media.keeper import ArchiveKeeper
from midway.media.thumbnails import Thumbnails
from midway.pictures.decoder import Decoder, DecoderRules
from midway.pictures.thumbnail import WIDTHS, NoThumbnail
from midway.store.memory import MemoryStore
from midway.store.watch import Watch

from tests.media.conftest import QUICK, Cdn, Shelf, content, drawn, live, put, succeeded
from tests.support.processes import PATIENCE_SECONDS

FIRST, SECOND = TaskId("1760000000000001"), TaskId("1760000000000002")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEPT = b"RIFF\x08\0\0\0WEBPkept"


def large(size: tuple[int, int] = (2000, 1000)) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", size, "green").save(file, "PNG")
    return file.getvalue()


class Making:
    """Makes thumbnails in a real process; counts how many, and waits where a test wants it."""

    def __init__(self) -> None:
        self.decoder = Decoder(DecoderRules(time=timedelta(seconds=PATIENCE_SECONDS)))
        self.made: list[int] = []
        self.ended = 0
        self.is_asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def make(self, path: Path, width: int) -> bytes:
        self.made.append(width)
        self.is_asked.set()
        try:
            await self.gate.wait()
            return await self.decoder.thumbnail(path, width)
        finally:
            self.ended += 1


@pytest.fixture
async def making() -> AsyncIterator[Making]:
    making = Making()
    yield making
    await making.decoder.close()


@pytest.fixture
def thumbnails(store: MemoryStore, watch: Watch, shelf: Shelf, fetch: Fetch, making: Making, cdn: Cdn) -> Thumbnails:
    cdn.picture = large()
    keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)
    return Thumbnails(shelf, keeper.file, making.make)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def read(thumbnails: Thumbnails, task: Task, width: int) -> tuple[bytes, tuple[int, int]]:
    """Ask for a thumbnail: its bytes and its size in pixels."""
    async with thumbnails.open(task, width) as picture:
        data = picture.file.read()
        assert (len(data), picture.content_type) == (picture.size, "image/webp")
    with PIL.Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        return data, image.size


async def test_thumbnails_are_made_once_and_kept_beside_their_picture(
    store: MemoryStore, thumbnails: Thumbnails, making: Making, cdn: Cdn, directory: Path
):
    task = await live(store, succeeded(cdn.image()))

    sizes = [(await read(thumbnails, task, width))[1] for width in WIDTHS * 2]

    assert sizes == [(320, 160), (640, 320), (1280, 640)] * 2
    assert making.made == [320, 640, 1280]
    assert cdn.asked == ["grid.png"]
    assert names(directory) == sorted([f"{task.id}.png", *(f"{task.id}.{width}.webp" for width in WIDTHS)])


async def test_a_hundred_who_ask_at_once_share_one(
    store: MemoryStore, thumbnails: Thumbnails, making: Making, cdn: Cdn
):
    task = await live(store, succeeded(cdn.image()))
    given = await asyncio.gather(*(read(thumbnails, task, 640) for _ in range(100)))

    assert len(set(given)) == 1
    assert making.made == [640]
    assert cdn.asked == ["grid.png"]


async def test_a_small_picture_stays_as_wide_as_it_is(store: MemoryStore, thumbnails: Thumbnails, cdn: Cdn):
    cdn.picture = large((400, 100))
    task = await live(store, succeeded(cdn.image()))

    assert [(await read(thumbnails, task, width))[1] for width in WIDTHS] == [(320, 80), (400, 100), (400, 100)]


async def test_a_thumbnail_is_no_picture(
    store: MemoryStore, thumbnails: Thumbnails, shelf: Shelf, cdn: Cdn, directory: Path
):
    task = await live(store, succeeded(cdn.image()))
    await read(thumbnails, task, 640)

    assert content(shelf, task.id) == (cdn.picture, "image/png")
    (directory / f"{task.id}.png").unlink()
    assert not shelf.has(task.id)
    assert shelf.open(task.id) is None
    await read(thumbnails, task, 640)
    assert cdn.asked == ["grid.png"]


async def test_a_previews_thumbnail_is_not_kept(
    store: MemoryStore, thumbnails: Thumbnails, making: Making, cdn: Cdn, directory: Path
):
    task = await live(store, Progressed(30, image=cdn.image("preview.webp")))
    async with thumbnails.open(task, 320) as picture:
        assert names(directory) == []
        with PIL.Image.open(io.BytesIO(picture.file.read())) as image:
            assert image.size == (320, 160)
    await read(thumbnails, task, 320)

    assert making.made == [320, 320]


async def leave(waiting: "list[asyncio.Task[tuple[bytes, tuple[int, int]]]]") -> None:
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)


async def test_the_work_ends_with_the_last_who_waits(
    store: MemoryStore, thumbnails: Thumbnails, making: Making, cdn: Cdn, directory: Path
):
    making.gate.clear()
    task = await live(store, succeeded(cdn.image()))
    waiting = [asyncio.create_task(read(thumbnails, task, 640)) for _ in range(5)]
    await making.is_asked.wait()
    await leave(waiting[:4])
    assert making.ended == 0
    await leave(waiting[4:])

    assert making.ended == 1
    assert names(directory) == [f"{task.id}.png"]
    making.gate.set()
    assert (await read(thumbnails, task, 640))[1] == (640, 320)


@pytest.mark.parametrize("claimed", ["video/mp4", ""])
async def test_a_film_has_no_thumbnail(
    store: MemoryStore, thumbnails: Thumbnails, making: Making, cdn: Cdn, claimed: str
):
    cdn.picture = b"\0\0\0\x20ftypisom" + bytes(100)
    task = await live(store, succeeded(cdn.image("film.mp4", content_type=claimed)))

    with pytest.raises(Unsupported, match=f"^Task {task.id} has a film; thumbnails are made of pictures only$"):
        await read(thumbnails, task, 320)
    assert making.made == []
    assert cdn.asked == ([] if claimed else ["film.mp4"])


async def test_a_task_without_picture_has_no_thumbnail(store: MemoryStore, thumbnails: Thumbnails):
    task = await live(store, succeeded(None))

    with pytest.raises(NotFound):
        await read(thumbnails, task, 320)


async def test_a_picture_that_cannot_be_decoded_says_so(
    store: MemoryStore, thumbnails: Thumbnails, cdn: Cdn, directory: Path
):
    cdn.picture = large()[:200]
    task = await live(store, succeeded(cdn.image()))

    with pytest.raises(Conflict, match="damaged") as refusal:
        await read(thumbnails, task, 320)
    assert refusal.value.reason is Reason.IMAGE_NOT_AVAILABLE
    assert names(directory) == [f"{task.id}.png"]


@pytest.mark.parametrize(
    ("problem", "refusal"), [(NoThumbnail("it is large"), Conflict), (FileNotFoundError(), Unavailable)]
)
async def test_what_the_decoder_says_becomes_a_refusal(
    store: MemoryStore,
    thumbnails: Thumbnails,
    making: Making,
    cdn: Cdn,
    problem: Exception,
    refusal: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
):
    async def refused(*_: object) -> bytes:
        raise problem

    monkeypatch.setattr(making.decoder, "thumbnail", refused)
    task = await live(store, succeeded(cdn.image()))

    with pytest.raises(refusal, match=str(task.id)):
        await read(thumbnails, task, 320)


@pytest.mark.parametrize("call", ["fsync", "replace"])
async def test_a_disk_that_takes_no_thumbnail_is_said_and_leaves_no_trace(
    store: MemoryStore,
    thumbnails: Thumbnails,
    shelf: Shelf,
    cdn: Cdn,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
):
    task = await live(store, succeeded(cdn.image()))
    put(shelf, task.id, cdn.picture)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "replace", full)))
    with pytest.raises(Unavailable, match="No space left on device"):
        await read(thumbnails, task, 640)

    assert names(directory) == [f"{task.id}.png"]


def keep(archive: Archive, task_id: TaskId, width: int, data: bytes = KEPT) -> Path:
    part = archive.new_part()
    part.write_bytes(data)
    return archive.keep_thumbnail(task_id, width, part)


def kept(archive: Archive, task_id: TaskId, width: int) -> bytes | None:
    picture = archive.open_thumbnail(task_id, width)
    if picture is None:
        return None
    with picture.file as file:
        return file.read()


def aged(directory: Path, task_id: TaskId, age: timedelta) -> None:
    time = (NOW - age).timestamp()
    os.utime(directory / f"{task_id}.png", (time, time))


def test_a_kept_thumbnail_is_read_back_and_is_none_of_another_width_or_task(archive: Archive):
    put(archive, FIRST, drawn())
    keep(archive, FIRST, 640)

    assert kept(archive, FIRST, 640) == KEPT
    assert (kept(archive, FIRST, 320), kept(archive, SECOND, 640)) == (None, None)


def test_thumbnails_go_with_their_picture_when_it_is_old(archive: Archive, directory: Path):
    for task_id, days in ((FIRST, 31), (SECOND, 1)):
        put(archive, task_id, drawn())
        aged(directory, task_id, timedelta(days=days))
        keep(archive, task_id, 320)  # today
        keep(archive, task_id, 640)

    assert archive.prune(Retention(max_age=timedelta(days=30)), NOW) == 3
    assert names(directory) == sorted(f"{SECOND}.{rest}" for rest in ("png", "320.webp", "640.webp"))


@pytest.mark.parametrize("room", range(0, 700, 50))
def test_thumbnails_count_and_none_outlives_its_picture(archive: Archive, directory: Path, room: int):
    for task_id, days in ((FIRST, 2), (SECOND, 1)):
        put(archive, task_id, b"\x89PNG\r\n\x1a\n" + bytes(92))
        aged(directory, task_id, timedelta(days=days))
        for width in WIDTHS:
            keep(archive, task_id, width, KEPT + bytes(50 - len(KEPT)))
    archive.prune(Retention(max_total_bytes=room), NOW)
    left = names(directory)

    assert min(room, 500) - 100 < sum((directory / name).stat().st_size for name in left) <= room
    assert not any(name.startswith(FIRST) for name in left) or f"{SECOND}.1280.webp" in left
    for name in left:
        assert f"{name.partition('.')[0]}.png" in left


def test_a_picture_that_is_kept_anew_loses_the_thumbnails_of_the_old_one(archive: Archive):
    put(archive, FIRST, drawn())
    keep(archive, FIRST, 320)
    put(archive, FIRST, drawn("JPEG"))

    assert kept(archive, FIRST, 320) is None


def test_no_thumbnail_is_kept_of_a_picture_that_is_gone(archive: Archive, directory: Path):
    with pytest.raises(FileNotFoundError):
        keep(archive, FIRST, 320)

    assert names(directory) == []


def test_a_thumbnail_is_on_the_disk_before_it_has_its_name(
    archive: Archive, directory: Path, monkeypatch: pytest.MonkeyPatch
):
    put(archive, FIRST, drawn())
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append([name for name in names(directory) if "webp" in name]))
    keep(archive, FIRST, 320)

    assert seen == [[], [f"{FIRST}.320.webp"]]
