"""How long one large request blocks the server's loop: its longest iteration, in CPU time, until the Task has ended.

As large as the limits let a request be, which is the worst: a turn's length goes with the bytes. The first request of a
process is not counted: its memory is new to the machine then, which costs a virtual one much more than afterwards.
"""

import base64
import io
import os
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
import PIL.Image
from midjourney.v1 import input_pb2, submit_pb2
from midway.app.settings import Settings
from midway.pictures.checks import PictureLimits

from benchmarks.measure import Figure, Scale, Target
from benchmarks.stack import Bench, Server

MB = 1_000_000
SPEED = 100.0
LONGEST_MS = 50
END_BYTES = 12  # of a PNG: its last chunk, which is empty
SUBMIT = "/midjourney.v1.MidjourneyService/SubmitImagine"
Send = Callable[[], Awaitable[None]]


async def run(scale: Scale) -> list[Figure]:
    """Measure each kind of large request in each round."""
    async with Bench() as bench:
        simulator, _ = await bench.simulator(speed=SPEED)
        noted = bench.directory / "turns"
        server = await bench.server(simulator, command=(sys.executable, "-m", "benchmarks.turning", str(noted)))
        rest, _ = await bench.envoy(server)
        async with aiohttp.ClientSession(rest) as http:
            sends = Requests(server, http, scale).sends()
            figures = {}
            for name, send in sends.items():
                await send()
                target = Target(LONGEST_MS, at_most=True)
                figures[name] = Figure(f"longest turn of the server's loop during {name}", "ms", target)
            for _ in range(scale.rounds):
                for name, send in sends.items():
                    noted.write_text("")
                    await send()
                    figures[name].add(max(map(float, noted.read_text().split()), default=0))
    return list(figures.values())


@dataclass(frozen=True)
class Requests:
    """Sends large requests, each until its Task has ended."""

    server: Server
    http: aiohttp.ClientSession
    scale: Scale

    def sends(self) -> dict[str, Send]:
        """Return what can be sent, by its name."""
        limits, settings = PictureLimits(), Settings()
        count, most = limits.max_count, self.scale.count(settings.max_message_bytes)
        largest = padded_png(self.scale.count(limits.max_bytes))
        in_base64 = padded_png(self.scale.count(settings.max_upload_body_bytes) // count * 3 // 4 - 1000)

        async def submit() -> None:
            images = [input_pb2.InputImage(data=largest)] * count
            request = submit_pb2.SubmitImagineRequest(prompt="a red fox", images=images)
            placed = await self.server.tasks.SubmitImagine(request)
            await self.server.ended(placed.task.id)

        async def blend() -> None:
            pictures = ["data:image/png;base64," + base64.b64encode(in_base64).decode()] * count
            async with self.http.post("/mj/submit/blend", json={"base64Array": pictures}) as answer:
                await self.server.ended((await answer.json())["result"])

        async def nonsense() -> None:
            raw: Any = self.server.channel.unary_unary(SUBMIT)
            with suppress(grpc.RpcError):
                await raw(b"\xff" * (most - 1000))

        return {
            f"a submit of {count} pictures of {len(largest) / MB:.3g} MB over gRPC": submit,
            f"a blend of {count} pictures of {len(in_base64) / MB:.3g} MB over REST": blend,
            f"a message of {most / MB:.3g} MB over gRPC that is refused": nonsense,
        }


def padded_png(size: int) -> bytes:
    """Make a picture of some kilobytes, and a chunk that nobody reads of as many bytes as are missing."""
    with io.BytesIO() as file:
        PIL.Image.new("RGB", (1024, 1024), "navy").save(file, "PNG")
        png = file.getvalue()
    padding = b"paDd" + os.urandom(max(0, size - len(png) - 12))
    chunk = struct.pack(">I", len(padding) - 4) + padding + struct.pack(">I", zlib.crc32(padding))
    return png[:-END_BYTES] + chunk + png[-END_BYTES:]
