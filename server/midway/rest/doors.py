"""Starts and stops the two servers together: gRPC, and the HTTP server behind Envoy."""

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
    """The gRPC and the HTTP server of an engine. Build it inside the running event loop; `start` accepts calls.

    `open_picture` opens a Task's picture; `open_thumbnail` a thumbnail of it; `fetch_link` fetches a picture that a
    client sent as a link where a file is needed; `links` makes and checks the links by which clients reach pictures;
    `observe` is called at every call's end.
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
        """The port of the gRPC server."""
        return self._grpc.port

    @property
    def rest_port(self) -> int:
        """The port of the HTTP server, for Envoy; known after `start`."""
        return self._rest.port

    async def start(self) -> None:
        """Start both servers. Raises OSError when the HTTP port is taken."""
        await self._rest.start()
        await self._grpc.start()

    async def say_serving(self, *, is_serving: bool) -> None:
        """Set what health checks, Envoy's included, report: SERVING or NOT_SERVING."""
        await self._grpc.say_serving(is_serving=is_serving)

    async def stop(self) -> None:
        """Accept no more calls, end watches so that they can be resumed, wait up to `shutdown_grace` for the others."""
        self.layers.drain.begin()
        await asyncio.gather(self._grpc.stop(self._grace), self._rest.stop())

    async def wait(self) -> None:
        """Return when the gRPC server has stopped."""
        await self._grpc.wait()
