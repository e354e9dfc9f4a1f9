"""MidjourneyService: its submits, reads, watches and pictures in one servicer."""

from midjourney.v1 import midjourney_service_pb2_grpc

from midway.engine.engine import Engine
from midway.rpc.listing import Listing
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import PictureReader
from midway.rpc.task_images import ImageCalls, TaskImages
from midway.rpc.task_queries import Queries
from midway.rpc.task_submits import Submits
from midway.rpc.task_watches import Watches


class TaskService(  # type: ignore[misc]  # the stubs declare streams as generators; ours write to the context
    Submits, Queries, Watches, ImageCalls, midjourney_service_pb2_grpc.MidjourneyServiceServicer
):
    """The service that `midjourney_service.proto` describes."""

    def __init__(
        self,
        engine: Engine,
        images: TaskImages,
        pictures: PictureReader,
        links: PictureLinks,
        options: ServerOptions,
    ) -> None:
        Submits.__init__(self, engine, pictures, links)
        Queries.__init__(self, engine, links, Listing(engine, links, options.max_page_bytes))
        Watches.__init__(self, engine, links, options.heartbeat)
        ImageCalls.__init__(self, images, options.max_unary_image_bytes)
