"""`python -m midway.pictures.decoder_process BYTES`: decodes pictures for its parent, one after another.

BYTES limits its memory. It reads jobs from standard input and writes outcomes to standard output, each preceded by its
length. It exits at the end of its input, even in the middle of a job, so it never outlives its parent.
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
NICENESS = 10  # on a busy machine decoding gets slower, not the server


class MaskJob(Struct, frozen=True, tag="mask"):
    """Run `mask_from_bytes`."""

    data: bytes
    field: str
    limits: PictureLimits
    size: tuple[int, int] | None


class ThumbnailJob(Struct, frozen=True, tag="thumbnail"):
    """Run `thumbnail_from_file`."""

    path: str
    width: int
    max_pixels: int


class QuadrantJob(Struct, frozen=True, tag="quadrant"):
    """Run `quadrant_from_file`."""

    path: str
    number: int | None
    max_pixels: int
    max_bytes: int


class Made(Struct, frozen=True, tag="made"):
    """The picture that was made, as a file. Width and height (pixels) are given for masks only."""

    data: bytes
    width: int = 0
    height: int = 0


class Refused(Struct, frozen=True, tag="refused"):
    """The mask is not usable."""

    problem: str
    reason: Reason


class Failed(Struct, frozen=True, tag="failed"):
    """No thumbnail or quadrant can be made of the file; `problem` says why."""

    problem: str


class Gone(Struct, frozen=True, tag="gone"):
    """The file does not exist any more."""


class OutOfMemory(Struct, frozen=True, tag="out_of_memory"):
    """Decoding takes more memory than this process may use."""


Job = MaskJob | ThumbnailJob | QuadrantJob
Outcome = Made | Refused | Failed | Gone | OutOfMemory


def outcome_of(job: Job) -> Outcome:
    """Run a job."""
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
    """Encode a job or an outcome, preceded by its length."""
    body = msgspec.msgpack.encode(content)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def main() -> None:
    """Run jobs until standard input ends."""
    _bound(int(sys.argv[1]))
    jobs: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    decoder = msgspec.msgpack.Decoder(Job)
    while True:
        sys.stdout.buffer.write(message(outcome_of(decoder.decode(jobs.get()))))
        sys.stdout.buffer.flush()


def _read(pipe: BinaryIO, jobs: "SimpleQueue[bytes]") -> None:
    """Queue each job that arrives; at the end of the input, exit at once."""
    with contextlib.suppress(MemoryError):
        while length := pipe.read(LENGTH_BYTES):
            jobs.put(pipe.read(int.from_bytes(length, "big")))
    os._exit(0)


def _bound(memory_bytes: int) -> None:
    """Lower this process's priority, limit its memory, and forbid it to write files."""
    os.nice(NICENESS)
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some; a lower hard limit stays as it is
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    try:
        main()
    except BaseException as err:  # noqa: BLE001 - after any error the reading thread must not keep the process alive
        # This goes to the server's log without redaction, so only the place and the type, not the message.
        traceback.print_tb(err.__traceback__)
        sys.stderr.write(f"{type(err).__name__}\n")
    os._exit(1)
