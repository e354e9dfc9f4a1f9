"""Throughput of pictures and films by every route, in megabytes a second, and with many readers at once.

Against Envoy, with the same routes, before a bare server that sends the same file. What is read is made beforehand: a
finished Task's kept file is replaced by one of the exact size, since the simulator would draw for minutes, and no
picture comes out at a size that was asked for. The server learns nothing of it: it looks at the file only.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app.wiring import PICTURES

from benchmarks.measure import Figure, Scale, Target, per_second
from benchmarks.process import CpuMeter, peak_memory_bytes
from benchmarks.stack import Bench, Server

MB = 1_000_000
SECONDS = 1.0  # of each side of a round
DRAWN_SECONDS = 60  # a small picture, at a hundred times the speed of life
PART = 1024 * 1024  # bytes that a film's player asks for at once
MOST_MEMORY = 300  # MB, of a process
BARE = "Envoy before bare aiohttp, same file, same kind of loop"
BARE_PARTS = "the same parts of it from bare aiohttp behind Envoy"
Read = Callable[[], Awaitable[int]]  # reads a file to its end; returns how many bytes came


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    size: int  # bytes
    ending: str
    mark: bytes  # at its beginning; the server tells the type by it
    readers: int  # in a crowd


PICTURE = Kind("picture of 15 MB", 15 * MB, "png", b"\x89PNG\r\n\x1a\n", readers=100)
FILM = Kind("film of 60 MB", 60 * MB, "mp4", b"\0\0\0\x20ftypisom", readers=20)
KINDS = (PICTURE, FILM)


@dataclass(frozen=True)
class Sample:
    """A finished Task and its file."""

    kind: Kind
    task_id: str
    digest: str

    @property
    def path(self) -> str:
        """Where it is over REST."""
        return f"/v1/tasks/{self.task_id}/image"

    @property
    def bare_path(self) -> str:
        """Where it is at the bare server, which knows files only."""
        return f"/v1/tasks/{self.task_id}.{self.kind.ending}/image"


@dataclass(frozen=True)
class Doors:
    """Clients of Midway and of the bare server, and the server processes."""

    ours: aiohttp.ClientSession
    bare: aiohttp.ClientSession
    straight: grpc.aio.Channel
    through_envoy: grpc.aio.Channel
    our_pids: dict[str, int]
    bare_pids: dict[str, int]


async def run(scale: Scale) -> list[Figure]:
    """Measure each route with one reader, then REST with many."""
    async with Bench() as bench:
        simulator, _ = await bench.simulator()
        ours = await bench.server(simulator, data=bench.directory / "data")
        pictures = bench.directory / "data" / PICTURES
        bare = await bench.bare("benchmarks.bare_http", str(pictures))
        samples = [await sample(ours, pictures, kind) for kind in KINDS]
        (our_url, our_envoy), (bare_url, bare_envoy) = await bench.envoy(ours), await bench.envoy(bare)
        async with client(our_url) as our_http, client(bare_url) as bare_http:
            doors = Doors(
                ours=our_http,
                bare=bare_http,
                straight=ours.channel,
                through_envoy=await bench.channel(our_url.removeprefix("http://")),
                our_pids={"server": ours.pid, "Envoy": our_envoy},
                bare_pids={"bare server": bare.pid, "bare's Envoy": bare_envoy},
            )
            alone = [figure for each in samples for figure in await one_reader(scale, doors, each)]
            return alone + await crowds(scale, doors, samples)


def client(url: str) -> aiohttp.ClientSession:
    """Make a client for any number of readers."""
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0), raise_for_status=True)


async def sample(server: Server, pictures: Path, kind: Kind) -> Sample:
    """Have a Task drawn, and put a file of this kind in the place of its picture."""
    async with asyncio.timeout(DRAWN_SECONDS):
        task = await server.ended((await server.imagine(f"a red fox in the snow, {kind.name}")).id)
        while not kept(pictures, task.id):  # noqa: ASYNC110 - no stream tells when a picture is kept
            await asyncio.sleep(0.02)
    return Sample(kind, task.id, replaced(pictures, task.id, kind))


def kept(pictures: Path, task_id: str) -> list[Path]:
    """Find the file that a Task has in the archive."""
    return list(pictures.glob(f"{task_id}.*"))


def replaced(pictures: Path, task_id: str, kind: Kind) -> str:
    """Put a file of random bytes in the place of a Task's; return its digest."""
    for file in kept(pictures, task_id):
        file.unlink()
    data = kind.mark + os.urandom(kind.size - len(kind.mark))
    (pictures / f"{task_id}.{kind.ending}").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


async def one_reader(scale: Scale, doors: Doors, file: Sample) -> list[Figure]:
    """Compare every route."""
    name, whole = file.kind.name, whole_file(doors.bare, file.bare_path)
    parts = in_parts(doors.bare, file.bare_path, file.kind.size)
    pairs = [
        (Figure(f"{name} over REST", "MB/s", Target(0.7), BARE), whole_file(doors.ours, file.path), whole),
        (
            Figure(f"{name} over REST in parts of 1 MiB", "MB/s", Target(0.5), BARE_PARTS),
            in_parts(doors.ours, file.path, file.kind.size),
            parts,
        ),
        (Figure(f"{name} over gRPC", "MB/s", Target(0.35), BARE), download(doors.straight, file), whole),
        (
            Figure(f"{name} over gRPC through Envoy", "MB/s", Target(0.25), BARE),
            download(doors.through_envoy, file),
            whole,
        ),
    ]
    for _ in range(scale.rounds):
        for figure, ours, bare in pairs:
            with CpuMeter(doors.bare_pids) as by_bare:
                bare_rate = await rate(scale, bare, file.kind.size)
            with CpuMeter(doors.our_pids) as by_ours:
                our_rate = await rate(scale, ours, file.kind.size)
            figure.add(our_rate, bare_rate, by_ours.used | by_bare.used)
    return [figure for figure, _, _ in pairs]


def whole_file(http: aiohttp.ClientSession, path: str) -> Read:
    """Read by one request."""

    async def read() -> int:
        async with http.get(path) as answer:
            return sum([len(piece) async for piece in answer.content.iter_any()])

    return read


def in_parts(http: aiohttp.ClientSession, path: str, size: int) -> Read:
    """Read as a film's player does: part after part."""

    async def read() -> int:
        came = 0
        for first in range(0, size, PART):
            async with http.get(path, headers={"Range": f"bytes={first}-{first + PART - 1}"}) as answer:
                came += len(await answer.read())
        return came

    return read


def download(channel: grpc.aio.Channel, file: Sample) -> Read:
    """Read by DownloadTaskImage."""
    tasks, request = MidjourneyServiceStub(channel), query_pb2.DownloadTaskImageRequest(task_id=file.task_id)

    async def read() -> int:
        return sum([len(message.data) async for message in tasks.DownloadTaskImage(request)])

    return read


async def rate(scale: Scale, read: Read, size: int) -> float:
    """Read for a round's time, one file after the other; return MB/s."""

    async def right(_: int) -> None:
        if (came := await read()) != size:
            raise RuntimeError(f"{came} of {size} bytes came")

    return await per_second(right, scale.seconds(SECONDS), at_once=1) * size / MB


async def crowds(scale: Scale, doors: Doors, files: Sequence[Sample]) -> list[Figure]:
    """Let many read at once and compare every byte; the memory is the greatest that the kernel saw until then."""
    readers = [file for file in files for _ in range(scale.count(file.kind.readers))]
    who = " and ".join(f"{file.kind.readers} of a {file.kind.name}" for file in files)
    together = Figure(f"readers at once, {who}, over REST", "MB/s", Target(0.8), BARE)
    memory = {
        name: Figure(f"greatest memory of {name} with these readers", "MB", Target(MOST_MEMORY, at_most=True))
        for name in doors.our_pids
    }
    for _ in range(scale.rounds):
        with CpuMeter(doors.bare_pids) as by_bare:
            bare_rate = await crowd(doors.bare, [(file.bare_path, file) for file in readers])
        with CpuMeter(doors.our_pids) as by_ours:
            our_rate = await crowd(doors.ours, [(file.path, file) for file in readers])
        together.add(our_rate, bare_rate, by_ours.used | by_bare.used)
        for name, pid in doors.our_pids.items():
            memory[name].add(peak_memory_bytes(pid) / MB)
    return [together, *memory.values()]


async def crowd(http: aiohttp.ClientSession, wanted: Sequence[tuple[str, Sample]]) -> float:
    """Read all of these at once; return MB/s of all together. Raises RuntimeError when a byte is wrong."""
    begun = time.perf_counter()
    digests = await asyncio.gather(*(digest(http, path) for path, _ in wanted))
    seconds = time.perf_counter() - begun
    if wrong := [path for (path, file), came in zip(wanted, digests, strict=True) if came != file.digest]:
        raise RuntimeError(f"{len(wrong)} of {len(wanted)} readers got other bytes than the file's")
    return sum(file.kind.size for _, file in wanted) / MB / seconds


async def digest(http: aiohttp.ClientSession, path: str) -> str:
    """Read a file, keeping nothing of it."""
    hashed = hashlib.sha256()
    async with http.get(path) as answer:
        async for piece in answer.content.iter_any():
            hashed.update(piece)
    return hashed.hexdigest()
