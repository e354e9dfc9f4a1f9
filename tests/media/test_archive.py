"""The archive holds whole pictures under their Tasks' ids, and throws away only what it may."""

import os
import signal
import stat
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from midway.domain.ids import Revision, TaskId
from midway.media import archive as archive_module
from midway.media.archive import Archive, Retention
from midway.media.content_type import content_type_from_bytes

from tests.media.conftest import content, drawn, put

FIRST, SECOND, THIRD = (TaskId(f"176000000000000{digit}") for digit in "123")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def aged(directory: Path, task_id: TaskId, age: timedelta) -> None:
    [path] = directory.glob(f"{task_id}.*")
    time = (NOW - age).timestamp()
    os.utime(path, (time, time))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("data", "claimed", "content_type"),
    [
        (drawn("PNG"), "image/jpeg", "image/png"),
        (drawn("JPEG"), "", "image/jpeg"),
        (drawn("WEBP"), "", "image/webp"),
        (drawn("GIF"), "", "image/gif"),
        (b"\0\0\0\x20ftypisom....", "", "video/mp4"),
        (b"\x1aE\xdf\xa3....", "", "video/webm"),
        (b"????????????", "video/mp4", "video/mp4"),
        (b"<html></html>", "text/html", "application/octet-stream"),
        (b"", "", "application/octet-stream"),
    ],
)
def test_type_comes_from_the_bytes_before_the_claim(data: bytes, claimed: str, content_type: str):
    assert content_type_from_bytes(data, claimed) == content_type


def test_kept_picture_is_read_back_with_its_type(archive: Archive):
    put(archive, FIRST, drawn("WEBP"))

    assert content(archive, FIRST) == (drawn("WEBP"), "image/webp")
    assert archive.has(FIRST)


def test_picture_of_another_task_is_not_there(archive: Archive):
    put(archive, FIRST, drawn())

    assert archive.open(SECOND) is None
    assert not archive.has(SECOND)


def test_file_is_named_by_task_and_type_and_nothing_else_is_left(archive: Archive, directory: Path):
    put(archive, FIRST, drawn("JPEG"))

    assert names(directory) == [f"{FIRST}.jpg"]


def test_keeping_again_replaces(archive: Archive):
    put(archive, FIRST, b"\x89PNG\r\n\x1a\nold")
    put(archive, FIRST, drawn())

    assert content(archive, FIRST) == (drawn(), "image/png")


def test_archive_outlives_the_process(archive: Archive, directory: Path):
    put(archive, FIRST, drawn())

    assert content(Archive(directory), FIRST) == (drawn(), "image/png")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_write_leaves_the_old_picture_and_no_trace(
    archive: Archive, directory: Path, monkeypatch: pytest.MonkeyPatch, call: str
):
    put(archive, FIRST, drawn())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "replace", full)))
    with pytest.raises(OSError, match="No space"):
        put(archive, FIRST, b"\x89PNG\r\n\x1a\nnew")

    assert content(archive, FIRST) == (drawn(), "image/png")
    assert names(directory) == [f"{FIRST}.png"]


def test_content_and_name_are_on_the_disk_before_anybody_sees_the_picture(
    archive: Archive, directory: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file is synced while it has no name yet, the directory after it has."""
    seen: list[tuple[bool, bool]] = []

    def sync(descriptor: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), archive.has(FIRST)))

    monkeypatch.setattr(os, "fsync", sync)
    put(archive, FIRST, drawn())

    assert seen == [(False, False), (True, True)]


def test_half_written_file_of_a_killed_process_is_cleared_away(directory: Path):
    directory.mkdir()
    (directory / ".abc.part").write_bytes(b"half")

    assert names_after_opening(directory) == []


def test_picture_of_a_process_killed_half_way_is_not_there(directory: Path):
    """SIGKILL while a film comes: the next start has neither a film nor half of one."""
    script = f"""
import asyncio, os, signal
from pathlib import Path
from midway.discord.partial_file import PartialFile
from midway.media import archive as archive_module
from midway.media.archive import Archive

async def die_half_way():
    file = PartialFile(Archive(Path({str(directory)!r})).new_part())
    await file.begin("", 2_000_000)
    await file.append(bytes(1_000_000))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(die_half_way())
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    [left] = directory.iterdir()

    assert killed.returncode == -signal.SIGKILL
    assert left.stat().st_size == 1_000_000
    assert names_after_opening(directory) == []


def names_after_opening(directory: Path) -> list[str]:
    Archive(directory)
    return names(directory)


@pytest.mark.parametrize("task_id", ["../../etc/passwd", "1/2", "", "１２３", "..", "a"])
def test_only_a_task_id_makes_a_path(archive: Archive, task_id: str):
    with pytest.raises(ValueError, match="not a Task id"):
        archive.open(TaskId(task_id))


def test_by_default_nothing_is_thrown_away(archive: Archive, directory: Path):
    put(archive, FIRST, drawn())
    aged(directory, FIRST, timedelta(days=10_000))

    assert archive.prune(Retention(), NOW) == 0
    assert Retention().keeps_all
    assert archive.has(FIRST)


def test_open_picture_outlives_its_name(archive: Archive):
    """Who reads a picture that is replaced or thrown away meanwhile gets the one that was opened, whole."""
    old = b"\x89PNG\r\n\x1a\nold"
    put(archive, FIRST, old)
    put(archive, SECOND, old)
    replaced, pruned = archive.open(FIRST), archive.open(SECOND)
    put(archive, FIRST, drawn())
    archive.prune(Retention(max_total_bytes=0), NOW)

    assert replaced is not None
    assert pruned is not None
    with replaced.file, pruned.file:
        assert (replaced.file.read(), replaced.size) == (old, len(old))
        assert pruned.file.read() == old
    assert not archive.has(SECOND)


def test_old_pictures_go(archive: Archive, directory: Path):
    for task_id, days in ((FIRST, 31), (SECOND, 30), (THIRD, 0)):
        put(archive, task_id, drawn())
        aged(directory, task_id, timedelta(days=days))

    assert archive.prune(Retention(max_age=timedelta(days=30)), NOW) == 1
    assert [archive.has(task_id) for task_id in (FIRST, SECOND, THIRD)] == [False, True, True]


def test_oldest_go_until_the_rest_fits(archive: Archive, directory: Path):
    for task_id, days in ((FIRST, 1), (SECOND, 3), (THIRD, 2)):
        put(archive, task_id, b"\x89PNG\r\n\x1a\n" + bytes(92))
        aged(directory, task_id, timedelta(days=days))

    assert archive.prune(Retention(max_total_bytes=299), NOW) == 1
    assert [archive.has(task_id) for task_id in (FIRST, SECOND, THIRD)] == [True, False, True]


def test_pruning_many_files_holds_one_batch_of_them(archive: Archive, directory: Path, monkeypatch: pytest.MonkeyPatch):
    """5000 pictures, batches of 100: several looks at all of them, and never all of them in memory."""
    monkeypatch.setattr(archive_module, "PRUNE_BATCH", 100)
    for number in range(5000):
        path = directory / f"{10**15 + number}.png"
        path.write_bytes(b"0123456789")
        os.utime(path, (number, number))

    tracemalloc.start()
    try:
        gone = archive.prune(Retention(max_total_bytes=47_005), NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert gone == 300
    assert min(names(directory)) == f"{10**15 + 300}.png"
    assert peak < 200_000  # all of them would be a megabyte and a half


def test_pruning_leaves_the_bookmark_and_foreign_files(archive: Archive, directory: Path):
    put(archive, FIRST, drawn())
    archive.put_bookmark(Revision(7))
    (directory / "README").write_text("mine")

    archive.prune(Retention(max_total_bytes=0), NOW)

    assert names(directory) == ["README", "kept-up-to"]


def test_bookmark_is_read_back(archive: Archive, directory: Path):
    archive.put_bookmark(Revision(42))

    assert Archive(directory).bookmark() == 42


@pytest.mark.parametrize("text", [None, "", "x"])
def test_missing_or_damaged_bookmark_means_the_beginning(archive: Archive, directory: Path, text: str | None):
    if text is not None:
        (directory / "kept-up-to").write_text(text)

    assert archive.bookmark() == 0
