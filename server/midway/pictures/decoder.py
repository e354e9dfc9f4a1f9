"""Decodes pictures in processes of their own, which can be ended: no picture can be worth more than its bounds."""

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
LARGEST_OUTCOME = 64 * MIB  # bytes; the largest mask takes five
JOBS_OF_A_PROCESS = 200  # then a new one takes its place: what libraries keep goes with the old one

_OUTCOMES: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRules:
    """What decoding may cost."""

    processes: int = 2  # pictures at a time; the next ones wait
    time: timedelta = timedelta(seconds=20)  # for one picture; the largest takes three
    memory_bytes: int = 1024 * MIB  # of one process; the largest mask takes half of it
    max_pixels: int = 40_000_000  # of a picture that a thumbnail is made of; Midjourney's largest have 17 million


class _BeyondBounds(Exception):
    """The picture took more than it may."""


class Decoder:
    """Keeps a few processes that decode. They are started when they are needed, and `close` ends them.

    A job whose caller is cancelled, or that takes too long, ends with its process. A process is handed nothing of our
    environment, and ends when this process does, however that ends.
    """

    def __init__(self, rules: DecoderRules | None = None) -> None:
        self._rules = rules or DecoderRules()
        self._turns = asyncio.Semaphore(self._rules.processes)
        # One is left for masks: who submits does not wait behind a page of pictures.
        self._thumbnails = asyncio.Semaphore(max(self._rules.processes - 1, 1))
        self._idle: list[_Worker] = []
        self._starting: set[asyncio.Future[_Started]] = set()  # also those that nobody waits for any more
        self._is_closed = False

    @property
    def idle(self) -> int:
        """How many processes wait for a picture."""
        self._idle = [worker for worker in self._idle if worker.is_alive]
        return len(self._idle)

    async def close(self) -> None:
        """End the processes; nobody may ask for anything any more."""
        self._is_closed = True
        if self._starting:
            await asyncio.wait(self._starting)
        while self._idle:
            await self._idle.pop().end()

    async def mask(self, data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
        """Make a mask pure, as `mask_from_bytes`. Raises InvalidField, and Unavailable when no process will start."""
        try:
            outcome = await self._outcome(MaskJob(data, field, limits, size))
        except _BeyondBounds as err:
            raise InvalidField(field, str(err), Reason.IMAGE_TOO_LARGE) from None
        match outcome:
            case Made(data, width, height):
                return InputImage(data, MASK_TYPE, width, height)
            case Refused(problem, reason):
                raise InvalidField(field, problem, reason)
        raise TypeError(f"{type(outcome).__name__} is no outcome of a mask")

    async def quadrant(self, path: Path, number: int | None, max_bytes: int) -> bytes:
        """Cut a picture out of a grid, as `quadrant_from_file`.

        Raises InvalidField naming `task_id`, and Unavailable when no process can be started.
        """
        try:
            outcome = await self._outcome(QuadrantJob(str(path), number, self._rules.max_pixels, max_bytes))
        except _BeyondBounds as err:
            raise InvalidField("task_id", f"its picture {err}", Reason.INVALID_IMAGE) from None
        match outcome:
            case Made(data):
                return data
            case Failed(problem):
                raise InvalidField("task_id", f"its picture cannot be used: {problem}", Reason.INVALID_IMAGE)
        raise TypeError(f"{type(outcome).__name__} is no outcome of a quadrant")

    async def thumbnail(self, path: Path, width: int) -> bytes:
        """Make a small copy of a file, as `thumbnail_from_file`.

        Raises NoThumbnail, FileNotFoundError, and Unavailable when no process can be started.
        """
        try:
            async with self._thumbnails:
                outcome = await self._outcome(ThumbnailJob(str(path), width, self._rules.max_pixels))
        except _BeyondBounds as err:
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
        """Have a process do it. Raises _BeyondBounds."""
        async with self._turns, self._worker() as worker:
            try:
                async with asyncio.timeout(self._rules.time.total_seconds()):
                    outcome = await worker.outcome(message(job))
            except TimeoutError:
                raise _BeyondBounds(f"takes more than {self._rules.time.total_seconds():g} s to decode") from None
            except (EOFError, OSError) as err:
                log.warning("a decoding process ended in the middle of a picture", problem=type(err).__name__)
                raise _BeyondBounds("cannot be decoded") from err
        if isinstance(outcome, OutOfMemory):
            raise _BeyondBounds(f"takes more than {self._rules.memory_bytes // MIB} MiB of memory to decode")
        return outcome

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator["_Worker"]:
        """Give a process for one job; one that did not come to its end is ended."""
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
    """One process, with a job or waiting for one."""

    def __init__(self, process: subprocess.Popen[bytes], reader: StreamReader, writer: StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.jobs = 0  # that it did

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @classmethod
    async def started(cls, starting: "asyncio.Future[_Started]") -> Self:
        """Take over a process that is being started, or end it when nobody waits for it. Raises OSError."""
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
        """Hand it a job and wait. Raises EOFError and OSError when the process ends."""
        self._writer.write(job)
        await self._writer.drain()
        size = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
        if size > LARGEST_OUTCOME:
            raise EOFError("what it says has no end")
        outcome = _OUTCOMES.decode(await self._reader.readexactly(size))
        self.jobs += 1
        return outcome

    async def end(self) -> None:
        """Kill the process, whatever it does."""
        self._process.kill()
        self._writer.transport.abort()
        await asyncio.to_thread(self._process.wait)


# A process, and the socket that is its input and its output.
_Started = tuple[subprocess.Popen[bytes], socket.socket]


def _start(memory_bytes: int) -> _Started:
    """Start a process. Not by the event loop: uvloop's fork runs gRPC's handlers of forks, and copies what we have."""
    ours, its = socket.socketpair()
    with its:
        try:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                (sys.executable, "-P", "-m", decoder_process.__name__, str(memory_bytes)),
                stdin=its.fileno(),
                stdout=its.fileno(),
                env={"PYTHONPATH": os.pathsep.join(sys.path)},  # and no secret
                start_new_session=True,  # Ctrl-C in a terminal is for us alone
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


def _end_unwanted(starting: asyncio.Future[_Started]) -> None:
    """End a process that nobody waits for any more."""
    if starting.cancelled() or starting.exception() is not None:
        return
    process, connection = starting.result()
    connection.close()
    process.kill()
    starting.get_loop().run_in_executor(None, process.wait)
