"""Decodes pictures in separate processes, which are killed when a picture takes too much time or memory."""

import asyncio
import os
import socket
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import msgspec
import structlog

from midway.domain.errors import InvalidField, Reason, Unavailable
from midway.domain.image import InputImage
from midway.pictures import decoder_process
from midway.pictures.checks import MASK_TYPE, PictureLimits
from midway.pictures.decoder_process import (
    LENGTH_BYTES,
    Failed,
    Gone,
    Job,
    Made,
    MaskJob,
    Outcome,
    OutOfMemory,
    QuadrantJob,
    Refused,
    ThumbnailJob,
    message,
)
from midway.pictures.thumbnail import NoThumbnail

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
LARGEST_OUTCOME = 64 * MIB  # bytes; the largest mask takes 5 MiB
JOBS_OF_A_PROCESS = 200  # then a new process replaces it, which frees the memory that libraries hold on to

_OUTCOMES: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRules:
    """What decoding may cost."""

    processes: int = 2  # pictures at a time; further ones wait
    time: timedelta = timedelta(seconds=20)  # for one picture; the largest takes 3 s
    memory_bytes: int = 1024 * MIB  # of one process; the largest mask takes half of it
    max_pixels: int = 40_000_000  # of a picture that a thumbnail is made of; Midjourney's largest have 17 million


class _LimitExceeded(Exception):
    """The picture took more time or memory than it may, or its process ended."""


class Decoder:
    """A pool of decoding processes. They are started on demand, and `close` ends them.

    When a job's caller is cancelled, or the job takes too long, its process is killed. A process inherits none of
    our environment variables, and ends when this process does, even by SIGKILL.
    """

    def __init__(self, rules: DecoderRules | None = None) -> None:
        self._rules = rules or DecoderRules()
        self._turns = asyncio.Semaphore(self._rules.processes)
        # Leaves one process for masks, so that submits do not wait behind a page of thumbnails.
        self._thumbnails = asyncio.Semaphore(max(self._rules.processes - 1, 1))
        self._idle: list[_Worker] = []
        self._starting: set[asyncio.Future[_Started]] = set()  # including those whose caller was cancelled
        self._is_closed = False

    @property
    def idle(self) -> int:
        """How many processes wait for a picture."""
        self._idle = [worker for worker in self._idle if worker.is_alive]
        return len(self._idle)

    async def close(self) -> None:
        """End the processes. No method may be called afterwards."""
        self._is_closed = True
        if self._starting:
            await asyncio.wait(self._starting)
        while self._idle:
            await self._idle.pop().end()

    async def mask(self, data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
        """Do what `mask_from_bytes` does. Raises InvalidField, and Unavailable when no process can be started."""
        try:
            outcome = await self._outcome(MaskJob(data, field, limits, size))
        except _LimitExceeded as err:
            raise InvalidField(field, str(err), Reason.IMAGE_TOO_LARGE) from None
        match outcome:
            case Made(data, width, height):
                return InputImage(data, MASK_TYPE, width, height)
            case Refused(problem, reason):
                raise InvalidField(field, problem, reason)
        raise TypeError(f"{type(outcome).__name__} is no outcome of a mask")

    async def quadrant(self, path: Path, number: int | None, max_bytes: int) -> bytes:
        """Do what `quadrant_from_file` does: cut a picture out of a grid.

        Raises InvalidField naming `task_id`, and Unavailable when no process can be started.
        """
        try:
            outcome = await self._outcome(QuadrantJob(str(path), number, self._rules.max_pixels, max_bytes))
        except _LimitExceeded as err:
            raise InvalidField("task_id", f"its picture {err}", Reason.INVALID_IMAGE) from None
        match outcome:
            case Made(data):
                return data
            case Failed(problem):
                raise InvalidField("task_id", f"its picture cannot be used: {problem}", Reason.INVALID_IMAGE)
        raise TypeError(f"{type(outcome).__name__} is no outcome of a quadrant")

    async def thumbnail(self, path: Path, width: int) -> bytes:
        """Do what `thumbnail_from_file` does: make a small copy of a picture.

        Raises NoThumbnail, FileNotFoundError, and Unavailable when no process can be started.
        """
        try:
            async with self._thumbnails:
                outcome = await self._outcome(ThumbnailJob(str(path), width, self._rules.max_pixels))
        except _LimitExceeded as err:
            raise NoThumbnail(str(err)) from None
        match outcome:
            case Made(data):
                return data
            case Failed(problem):
                raise NoThumbnail(problem)
            case Gone():
                raise FileNotFoundError(path)
        raise TypeError(f"{type(outcome).__name__} is no outcome of a thumbnail")

    async def _outcome(self, job: Job) -> Outcome:
        """Run a job in a process. Raises _LimitExceeded."""
        async with self._turns, self._worker() as worker:
            try:
                async with asyncio.timeout(self._rules.time.total_seconds()):
                    outcome = await worker.outcome(message(job))
            except TimeoutError:
                raise _LimitExceeded(f"takes more than {self._rules.time.total_seconds():g} s to decode") from None
            except (EOFError, OSError) as err:
                log.warning("a decoding process ended while it decoded a picture", problem=type(err).__name__)
                raise _LimitExceeded("cannot be decoded") from err
        if isinstance(outcome, OutOfMemory):
            raise _LimitExceeded(f"takes more than {self._rules.memory_bytes // MIB} MiB of memory to decode")
        return outcome

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator["_Worker"]:
        """Yield a process for one job; when the job raises, the process is killed."""
        worker = self._idle.pop() if self.idle else await self._started()
        try:
            yield worker
        except BaseException:
            await worker.end()
            raise
        if worker.jobs < JOBS_OF_A_PROCESS and not self._is_closed:
            self._idle.append(worker)
        else:
            await worker.end()

    async def _started(self) -> "_Worker":
        starting = asyncio.get_running_loop().run_in_executor(None, _start, self._rules.memory_bytes)
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        try:
            return await _Worker.started(starting)
        except OSError as err:
            message = f"no process can be started to decode the picture: {err.strerror}"
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, message) from err


class _Worker:
    """One process, running a job or idle."""

    def __init__(self, process: subprocess.Popen[bytes], reader: StreamReader, writer: StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.jobs = 0  # completed

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    @classmethod
    async def started(cls, starting: "asyncio.Future[_Started]") -> Self:
        """Connect to a process that is being started; if the caller is cancelled, end it. Raises OSError."""
        try:
            process, connection = await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_end_unwanted)
            raise
        try:
            return cls(process, *await asyncio.open_unix_connection(sock=connection))
        except BaseException:
            _end_unwanted(starting)
            raise

    async def outcome(self, job: bytes) -> Outcome:
        """Send it a job and wait for the outcome. Raises EOFError or OSError when the process ends."""
        self._writer.write(job)
        await self._writer.drain()
        size = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
        if size > LARGEST_OUTCOME:
            raise EOFError("its outcome is too large")
        outcome = _OUTCOMES.decode(await self._reader.readexactly(size))
        self.jobs += 1
        return outcome

    async def end(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._writer.transport.abort()
        await asyncio.to_thread(self._process.wait)


# A process, and our end of the socket that is its stdin and stdout.
_Started = tuple[subprocess.Popen[bytes], socket.socket]


def _start(memory_bytes: int) -> _Started:
    """Start a process. Not with the event loop: uvloop forks, which runs gRPC's fork handlers and copies our memory."""
    ours, its = socket.socketpair()
    with its:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                (sys.executable, "-P", "-m", decoder_process.__name__, str(memory_bytes)),
                stdin=its.fileno(),
                stdout=its.fileno(),
                env={"PYTHONPATH": os.pathsep.join(sys.path)},  # nothing else: our environment holds secrets
                start_new_session=True,  # so that Ctrl-C in a terminal reaches only us
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


def _end_unwanted(starting: asyncio.Future[_Started]) -> None:
    """End a started process whose caller was cancelled."""
    if starting.cancelled() or starting.exception() is not None:
        return
    process, connection = starting.result()
    connection.close()
    process.kill()
    starting.get_loop().run_in_executor(None, process.wait)
