"""The bare part of keeping pictures: `python -m benchmarks.bare_pictures DIRECTORY`, aiohttp and a file.

`/bare/Keep` fetches a picture so many times, one after the other, and writes each to the disk.
"""

import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import uvloop

from benchmarks.bare import Bare, Context, serve

KEEP = "/bare/Keep"  # the request is `count URL`


class BarePictures(Bare):
    """Keeps pictures."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        directory.mkdir()
        self._directory = directory
        self._kept = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Find the handler of a method."""
        if handler_call_details.method == KEEP:
            return grpc.unary_unary_rpc_method_handler(self._keep)
        return super().service(handler_call_details)

    async def _keep(self, request: bytes, _context: Context) -> bytes:
        count, url = request.decode().split(" ")
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            for _ in range(int(count)):
                async with http.get(url) as answer:
                    self._write(await answer.read())
        return b""

    def _write(self, picture: bytes) -> None:
        self._kept += 1
        part = self._directory / f"{self._kept}.part"
        with part.open("wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        part.rename(part.with_suffix(".png"))


async def _main(directory: Path) -> None:
    server = await serve(BarePictures(directory))
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_main(Path(sys.argv[1])))
