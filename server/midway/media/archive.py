"""Pictures on disk: one file a Task, whole or not there at all.

Every method blocks on the disk; from the event loop call them in a thread.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from midway.domain.ids import Revision, TaskId
from midway.media.content_type import EXTENSIONS, content_type_from_bytes
from midway.media.picture import OpenPicture, open_picture

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
    path: Path
    size: int
    kept_at: datetime


class Archive:
    """A directory of pictures, each named by its Task's id with the ending of its type; one process writes to it."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be, and clear away what a killed process left half written."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for unfinished in directory.glob(f".*{_UNFINISHED}"):
            unfinished.unlink(missing_ok=True)

    def keep(self, task_id: TaskId, data: bytes, claimed_type: str = "") -> None:
        """Store a picture so that it outlives a power cut. Raises OSError; then nothing was stored."""
        self._write(self._path(task_id, content_type_from_bytes(data, claimed_type)), data)

    def has(self, task_id: TaskId) -> bool:
        """Tell whether this Task's picture is kept."""
        return any(self._path(task_id, content_type).exists() for content_type in EXTENSIONS)

    def open(self, task_id: TaskId) -> OpenPicture | None:
        """Open a Task's picture; None when it is not kept. Raises OSError."""
        for content_type in EXTENSIONS:
            with contextlib.suppress(FileNotFoundError):
                return open_picture(self._path(task_id, content_type), content_type)
        return None

    def prune(self, retention: Retention, now: datetime) -> int:
        """Throw away what the rules do not keep; return how many files went."""
        doomed = list(_doomed(sorted(self._files(), key=lambda file: file.kept_at), retention, now))
        for file in doomed:
            file.path.unlink(missing_ok=True)
        return len(doomed)

    def bookmark(self) -> Revision:
        """Return the revision up to which every finished picture was dealt with; 0 when that is not known."""
        try:
            return Revision(int((self._directory / _BOOKMARK).read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return Revision(0)

    def put_bookmark(self, revision: Revision) -> None:
        """Remember the revision; from an older one, files that are there already are passed over."""
        self._write(self._directory / _BOOKMARK, str(revision).encode(), durable=False)

    def _path(self, task_id: TaskId, content_type: str) -> Path:
        if not (task_id.isascii() and task_id.isdigit()):  # nothing else can lead out of the directory
            raise ValueError(f"not a Task id: {task_id!r}")
        return self._directory / f"{task_id}.{EXTENSIONS[content_type]}"

    def _files(self) -> Iterator[_File]:
        for path in self._directory.glob("[0-9]*.*"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                yield _File(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def _write(self, path: Path, data: bytes, *, durable: bool = True) -> None:
        """Replace a file in one step: readers and crashes see the old one or the new one."""
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=_UNFINISHED, delete=False) as file:
            unfinished = Path(file.name)
            try:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
        if durable:
            _sync_directory(path.parent)


def _doomed(oldest_first: list[_File], retention: Retention, now: datetime) -> Iterator[_File]:
    total = sum(file.size for file in oldest_first)
    for file in oldest_first:
        is_old = retention.max_age is not None and now - file.kept_at > retention.max_age
        is_too_much = retention.max_total_bytes is not None and total > retention.max_total_bytes
        if is_old or is_too_much:
            total -= file.size
            yield file


def _sync_directory(directory: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
