"""`python -m midway.pictures.decoder_process BYTES`: decodes pictures for its parent, one after another.

It has at most so many BYTES of memory. Jobs come on its standard input and outcomes leave on its standard output, each
behind its length. It ends when its input does, in the middle of a job as well: so it never outlives its parent.
"""

import contextlib
import os
import resource
import sys
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import msgspec
from msgspec import Struct

from midway.domain.errors import InvalidField, Reason
from midway.pictures.checks import PictureLimits, mask_from_bytes
from midway.pictures.quadrant import NoQuadrant, quadrant_from_file
from midway.pictures.thumbnail import NoThumbnail, thumbnail_from_file

LENGTH_BYTES = 4  # before each message, big-endian
NICENESS = 10  # who waits for a picture waits longer, rather than everybody who talks to the server


class MaskJob(Struct, frozen=True, tag="mask"):
    """Make a mask pure; as `mask_from_bytes`."""

    data: bytes
    field: str
    limits: PictureLimits
    size: tuple[int, int] | None


class ThumbnailJob(Struct, frozen=True, tag="thumbnail"):
    """Make a small copy; as `thumbnail_from_file`."""

    path: str
    width: int
    max_pixels: int


class QuadrantJob(Struct, frozen=True, tag="quadrant"):
    """Cut a picture out of a grid; as `quadrant_from_file`."""

    path: str
    number: int | None
    max_pixels: int
    max_bytes: int


class Made(Struct, frozen=True, tag="made"):
    """The picture that was made; only a mask's size is told."""

    data: bytes
    width: int = 0
    height: int = 0


class Refused(Struct, frozen=True, tag="refused"):
    """The mask is none."""

    problem: str
    reason: Reason


class Failed(Struct, frozen=True, tag="failed"):
    """Nothing can be made of it; says why."""

    problem: str


class Gone(Struct, frozen=True, tag="gone"):
    """There is no such file any more."""


class OutOfMemory(Struct, frozen=True, tag="out_of_memory"):
    """It takes more memory than this process has."""


Job = MaskJob | ThumbnailJob | QuadrantJob
Outcome = Made | Refused | Failed | Gone | OutOfMemory


def outcome_of(job: Job) -> Outcome:
    """Do the work."""
    try:
        if isinstance(job, MaskJob):
            mask = mask_from_bytes(job.data, job.field, job.limits, job.size)
            return Made(mask.data, mask.width, mask.height)
        if isinstance(job, QuadrantJob):
            return Made(quadrant_from_file(Path(job.path), job.number, job.max_pixels, job.max_bytes))
        return Made(thumbnail_from_file(Path(job.path), job.width, job.max_pixels))
    except InvalidField as err:
        return Refused(err.problem, err.reason)
    except (NoThumbnail, NoQuadrant) as err:
        return Failed(str(err))
    except FileNotFoundError:
        return Gone()
    except MemoryError:
        return OutOfMemory()


def message(content: Job | Outcome) -> bytes:
    """Write what goes through a pipe."""
    body = msgspec.msgpack.encode(content)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def main() -> None:
    """Work until the parent ends or has no more jobs."""
    _bound(int(sys.argv[1]))
    jobs: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    decoder = msgspec.msgpack.Decoder(Job)
    while True:
        sys.stdout.buffer.write(message(outcome_of(decoder.decode(jobs.get()))))
        sys.stdout.buffer.flush()


def _read(pipe: BinaryIO, jobs: "SimpleQueue[bytes]") -> None:
    """Hand on what comes; end the process at once when nothing more can."""
    with contextlib.suppress(MemoryError):
        while length := pipe.read(LENGTH_BYTES):
            jobs.put(pipe.read(int.from_bytes(length, "big")))
    os._exit(0)


def _bound(memory_bytes: int) -> None:
    """Take only what decoding needs of the machine: a share of its memory, and none of its disk."""
    os.nice(NICENESS)
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some; a lower hard limit stays as it is
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    try:
        main()
    except BaseException as err:  # noqa: BLE001 -- whatever it is, the reading thread must not keep the process
        # Into the server's log, past its redaction: so where it came from, and not its words.
        traceback.print_tb(err.__traceback__)
        sys.stderr.write(f"{type(err).__name__}\n")
    os._exit(1)
