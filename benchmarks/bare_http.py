"""The bare part of REST: `python -m benchmarks.bare_http DIRECTORY`, aiohttp on uvloop behind Envoy.

It answers each path of the old API with the bytes that were PUT there, and `/v1/tasks/NAME/image` with the file of that
name. Beside it a bare gRPC server stands behind the same Envoy, which asks it for its health.
"""

import sys
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.bare import Bare, serve

OLD_API = "/mj/{path:.*}"
IMAGE = "/v1/tasks/{name}/image"
BACKLOG = 1024  # as ours


class BareHttp:
    """Checks nothing; only looks up a path in a dict, or a name in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._answers: dict[str, bytes] = {}

    async def start(self) -> str:
        """Serve on a free port; return the address."""
        app = web.Application()
        app.router.add_put(OLD_API, self._teach)
        app.router.add_route("*", OLD_API, self._answer)
        app.router.add_get(IMAGE, self._image)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG).start()
        return f"127.0.0.1:{runner.addresses[0][1]}"

    async def _teach(self, http: web.Request) -> web.Response:
        self._answers[http.path] = await http.read()
        return web.Response()

    async def _answer(self, http: web.Request) -> web.Response:
        await http.read()
        return web.Response(body=self._answers[http.path], content_type="application/json")

    async def _image(self, http: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._directory / http.match_info["name"])


async def _main(directory: Path) -> None:
    address = await BareHttp(directory).start()
    server = await serve(Bare(), f"rest-backend={address}")
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_main(Path(sys.argv[1])))
