"""Pictures on disk: one file a Task and its thumbnails, whole or not there at all.

Every method blocks on the disk; from the event loop call them in a thread.
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

PRUNE_BATCH = 10_000  # files held in memory while the oldest are looked for

_BOOKMARK = "kept-up-to"
_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What may be thrown away; None keeps for ever. What was thrown away is fetched again when somebody asks."""

    max_age: timedelta | None = None  # since it was kept
    max_total_bytes: int | None = None  # the oldest go first

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever thrown away."""
        return self.max_age is None and self.max_total_bytes is None


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    kept_at: float  # Unix time; a thumbnail counts as kept when its picture was
    is_picture: bool  # else a thumbnail


class Archive:
    """A directory of pictures, each named by its Task's id with the ending of its type; one process writes to it.

    A thumbnail's name has the width behind the id, and its time is the picture's: so it is thrown away with it.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be, and clear away what a killed process left half written."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for entry in _entries(directory):
            if entry.name.startswith(".") and entry.name.endswith(_UNFINISHED):
                _drop(entry.path)

    def new_part(self) -> Path:
        """Make an empty file for a picture on its way, to be kept or removed by the caller. Raises OSError."""
        return new_part(self._directory)

    def keep(self, task_id: TaskId, part: Path, claimed_type: str = "") -> Path:
        """Give a whole picture its lasting name, so that it outlives a power cut; return the named file.

        Raises OSError; then nothing was stored, and the part is gone.
        """
        path = self._named(part, lambda: self._path(task_id, _settled(part, claimed_type)))
        for width in thumbnail.WIDTHS:
            _drop(str(self._thumbnail_path(task_id, width)))  # of what was kept before
        return path

    def keep_thumbnail(self, task_id: TaskId, width: int, part: Path) -> Path:
        """Give a thumbnail its lasting name beside its picture, as `keep` does; return the named file.

        Raises OSError, also when the picture is not kept (any more).
        """

        def settled() -> Path:
            picture = self.find(task_id)
            if picture is None:
                raise FileNotFoundError(errno.ENOENT, "its picture is not kept")
            kept = picture.stat()
            os.utime(part, ns=(kept.st_atime_ns, kept.st_mtime_ns))
            _settled(part, thumbnail.CONTENT_TYPE)
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
        """Throw away what the rules do not keep; return how many files went. Raises OSError.

        At most PRUNE_BATCH files are held in memory; each further batch costs a further look at all of them.
        """
        count = 0
        if retention.max_age is not None:
            count += self._drop_older((now - retention.max_age).timestamp())
        if retention.max_total_bytes is not None:
            count += self._drop_oldest(retention.max_total_bytes)
        return count

    def bookmark(self) -> Revision:
        """Return the revision up to which every finished picture was dealt with; 0 when that is not known."""
        try:
            return Revision(int((self._directory / _BOOKMARK).read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return Revision(0)

    def put_bookmark(self, revision: Revision) -> None:
        """Remember the revision; from an older one, files that are there already are passed over. Raises OSError."""
        part = self.new_part()
        try:
            part.write_text(str(revision), encoding="ascii")
            part.replace(self._directory / _BOOKMARK)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _named(self, part: Path, settle: Callable[[], Path]) -> Path:
        """Give a part the name that `settle` returns; where anything fails, the part is gone."""
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
        if not (task_id.isascii() and task_id.isdigit()):  # nothing else can lead out of the directory
            raise ValueError(f"not a Task id: {task_id!r}")
        return self._directory / f"{task_id}.{EXTENSIONS[content_type]}"

    def _drop_older(self, than: float) -> int:
        count = 0
        for file in self._files():
            if file.kept_at < than:
                _drop(file.path)
                count += 1
        return count

    def _drop_oldest(self, max_total_bytes: int) -> int:
        """Throw away the oldest until the rest fits; thumbnails just before their picture, so that none outlives it."""
        count = 0
        while True:
            total, oldest = self._oldest()
            for file in oldest:
                if total <= max_total_bytes:
                    return count
                _drop(file.path)
                total -= file.size
                count += 1
            if len(oldest) < PRUNE_BATCH:
                return count

    def _oldest(self) -> tuple[int, list[_File]]:
        """Return the bytes of all files, and a batch of the oldest, oldest first."""
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
    """Make an empty file that is no picture yet. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".", suffix=_UNFINISHED)
    os.close(descriptor)
    return Path(name)


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Give what lies in a directory one by one: there may be a million."""
    with os.scandir(directory) as entries:
        yield from entries


def _drop(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()


def _settled(part: Path, claimed_type: str) -> str:
    """Have the disk take a file's content for good; return its type."""
    picture = open_picture(part, claimed_type)
    with picture.file as file:
        os.fsync(file.fileno())
    return picture.content_type


def _sync_directory(directory: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
