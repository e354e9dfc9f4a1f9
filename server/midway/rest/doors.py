"""The server's two doors, opened and closed together: gRPC, and HTTP behind Envoy."""

import asyncio

from midway.engine.engine import Engine
from midway.rest.server import RestServer
from midway.rpc.layers import Layers, Observer
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import FetchLink
from midway.rpc.server import build_server
from midway.rpc.task_images import OpenTaskPicture, OpenThumbnail, TaskImages


class Doors:
    """What clients reach of an engine. Build them inside the running event loop; `start` lets clients in.

    `open_picture` opens a Task's picture, `open_thumbnail` a small copy of it, `fetch_link` reads a picture that a
    client sent as a link where only a file will do, `links` say how clients reach pictures, `observe` hears of every
    call's end.
    Raises RuntimeError when the gRPC port is taken.
    """

    def __init__(
        self,
        engine: Engine,
        open_picture: OpenTaskPicture,
        options: ServerOptions,
        *,
        links: PictureLinks,
        fetch_link: FetchLink | None = None,
        open_thumbnail: OpenThumbnail | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._grace = options.shutdown_grace
        self.layers = Layers(options, links, observe)
        images = TaskImages(engine, open_picture, open_thumbnail)
        self._grpc = build_server(engine, images, options, layers=self.layers, links=links, fetch_link=fetch_link)
        self._rest = RestServer(engine, images, options, self.layers, links)

    @property
    def grpc_port(self) -> int:
        """Where gRPC listens."""
        return self._grpc.port

    @property
    def rest_port(self) -> int:
        """Where plain HTTP listens, for Envoy; known once the doors are open."""
        return self._rest.port

    async def start(self) -> None:
        """Let clients in. Raises OSError when the HTTP port is taken."""
        await self._rest.start()
        await self._grpc.start()

    async def say_serving(self, *, is_serving: bool) -> None:
        """Tell whoever asks for the server's health, Envoy among them, whether it serves."""
        await self._grpc.say_serving(is_serving=is_serving)

    async def stop(self) -> None:
        """Let nobody in, end watches so that they can be resumed, and wait for other calls as the options say."""
        self.layers.drain.begin()
        await asyncio.gather(self._grpc.stop(self._grace), self._rest.stop())

    async def wait(self) -> None:
        """Return when gRPC has stopped."""
        await self._grpc.wait()
