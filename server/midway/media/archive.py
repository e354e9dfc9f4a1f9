"""Pictures on disk: for each Task one picture file and its thumbnails. A file appears only when it is complete.

Every method blocks on the disk; from the event loop, call them in a thread.
"""

import contextlib
import errno
import heapq
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path

from midway.domain.ids import Revision, TaskId
from midway.media.content_type import EXTENSIONS
from midway.media.open_picture import OpenPicture, open_picture
from midway.pictures import thumbnail

PRUNE_BATCH = 10_000  # files whose names are held in memory while looking for the oldest

_BOOKMARK = "kept-up-to"
_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Which files may be deleted; None: never. A deleted picture is fetched again when it is asked for."""

    max_age: timedelta | None = None  # since it was kept
    max_total_bytes: int | None = None  # the oldest go first

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever deleted."""
        return self.max_age is None and self.max_total_bytes is None


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    kept_at: float  # Unix time; a thumbnail has its picture's
    is_picture: bool  # else it is a thumbnail


class Archive:
    """A directory of pictures, named by the Task's id and the extension of their type. One process writes to it.

    A thumbnail's name has its width after the id. Its modification time is the picture's, so both are deleted together.
    """

    def __init__(self, directory: Path) -> None:
        """Create the directory if needed, and delete partial files that a killed process left."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for entry in _entries(directory):
            if entry.name.startswith(".") and entry.name.endswith(_UNFINISHED):
                _delete(entry.path)

    def new_part(self) -> Path:
        """Create an empty file for a picture to be downloaded; the caller keeps or deletes it. Raises OSError."""
        return new_part(self._directory)

    def keep(self, task_id: TaskId, part: Path, claimed_type: str = "") -> Path:
        """Sync a complete picture and give it its final name, so that it survives a power cut; return its path.

        Raises OSError; then nothing was stored, and the part is deleted.
        """
        path = self._named(part, lambda: self._path(task_id, _synced(part, claimed_type)))
        for width in thumbnail.WIDTHS:
            _delete(str(self._thumbnail_path(task_id, width)))  # made of an earlier picture
        return path

    def keep_thumbnail(self, task_id: TaskId, width: int, part: Path) -> Path:
        """Sync a thumbnail and give it its final name, as `keep` does; return its path.

        Raises OSError, also when its picture is not kept (any more).
        """

        def settled() -> Path:
            picture = self.find(task_id)
            if picture is None:
                raise FileNotFoundError(errno.ENOENT, "its picture is not kept")
            kept = picture.stat()
            os.utime(part, ns=(kept.st_atime_ns, kept.st_mtime_ns))
            _synced(part, thumbnail.CONTENT_TYPE)
            return self._thumbnail_path(task_id, width)

        return self._named(part, settled)

    def open_thumbnail(self, task_id: TaskId, width: int) -> OpenPicture | None:
        """Open a Task's thumbnail; None when it is not kept. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            return open_picture(self._thumbnail_path(task_id, width), thumbnail.CONTENT_TYPE)
        return None

    def find(self, task_id: TaskId) -> Path | None:
        """Return the file of a Task's picture; None when it is not kept."""
        paths = (self._path(task_id, content_type) for content_type in EXTENSIONS)
        return next((path for path in paths if path.exists()), None)

    def has(self, task_id: TaskId) -> bool:
        """Tell whether this Task's picture is kept."""
        return self.find(task_id) is not None

    def open(self, task_id: TaskId) -> OpenPicture | None:
        """Open a Task's picture; None when it is not kept. Raises OSError."""
        for content_type in EXTENSIONS:
            with contextlib.suppress(FileNotFoundError):
                return open_picture(self._path(task_id, content_type), content_type)
        return None

    def prune(self, retention: Retention, now: datetime) -> int:
        """Delete what the retention does not keep; return how many files were deleted. Raises OSError.

        At most PRUNE_BATCH files are held in memory; each further batch scans the directory once more.
        """
        count = 0
        if retention.max_age is not None:
            count += self._delete_older((now - retention.max_age).timestamp())
        if retention.max_total_bytes is not None:
            count += self._delete_oldest(retention.max_total_bytes)
        return count

    def bookmark(self) -> Revision:
        """Return the revision up to which every final picture was handled; 0 when it is not known."""
        try:
            return Revision(int((self._directory / _BOOKMARK).read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return Revision(0)

    def put_bookmark(self, revision: Revision) -> None:
        """Store the revision; from an older one, pictures that are kept already are skipped. Raises OSError."""
        part = self.new_part()
        try:
            part.write_text(str(revision), encoding="ascii")
            part.replace(self._directory / _BOOKMARK)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _named(self, part: Path, settle: Callable[[], Path]) -> Path:
        """Rename the part to the path that `settle` returns; when anything fails, delete the part."""
        try:
            path = settle()
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_directory(self._directory)
        return path

    def _thumbnail_path(self, task_id: TaskId, width: int) -> Path:
        return self._path(task_id, thumbnail.CONTENT_TYPE).with_suffix(f".{width}.{EXTENSIONS[thumbnail.CONTENT_TYPE]}")

    def _path(self, task_id: TaskId, content_type: str) -> Path:
        if not (task_id.isascii() and task_id.isdigit()):  # so that the path cannot lead out of the directory
            raise ValueError(f"not a Task id: {task_id!r}")
        return self._directory / f"{task_id}.{EXTENSIONS[content_type]}"

    def _delete_older(self, than: float) -> int:
        count = 0
        for file in self._files():
            if file.kept_at < than:
                _delete(file.path)
                count += 1
        return count

    def _delete_oldest(self, max_total_bytes: int) -> int:
        """Delete the oldest files until the rest fits; thumbnails just before their picture, so none outlasts it."""
        count = 0
        while True:
            total, oldest = self._oldest()
            for file in oldest:
                if total <= max_total_bytes:
                    return count
                _delete(file.path)
                total -= file.size
                count += 1
            if len(oldest) < PRUNE_BATCH:
                return count

    def _oldest(self) -> tuple[int, list[_File]]:
        """Return the total size of all files in bytes, and the PRUNE_BATCH oldest files, oldest first."""
        total = 0

        def counted() -> Iterator[_File]:
            nonlocal total
            for file in self._files():
                total += file.size
                yield file

        oldest = heapq.nsmallest(PRUNE_BATCH, counted(), key=attrgetter("kept_at", "is_picture"))
        return total, oldest

    def _files(self) -> Iterator[_File]:
        for entry in _entries(self._directory):
            if entry.name[0].isdigit():
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat()
                    yield _File(entry.path, stat.st_size, stat.st_mtime, is_picture=entry.name.count(".") == 1)


def new_part(directory: Path) -> Path:
    """Create an empty file under a temporary name. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".", suffix=_UNFINISHED)
    os.close(descriptor)
    return Path(name)


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a directory without building a list: there may be a million."""
    with os.scandir(directory) as entries:
        yield from entries


def _delete(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()


def _synced(part: Path, claimed_type: str) -> str:
    """Sync a file's content to the disk; return its content type."""
    picture = open_picture(part, claimed_type)
    with picture.file as file:
        os.fsync(file.fileno())
    return picture.content_type


def _sync_directory(directory: Path) -> None:
    """Sync the directory, so that the new name survives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
