"""MidjourneyService: submits, reads and watches under one name."""

from datetime import timedelta

from midjourney.v1 import midjourney_service_pb2_grpc

from midway.engine.engine import Engine
from midway.rpc.picture_links import PictureLinks
from midway.rpc.pictures import PictureReader
from midway.rpc.task_queries import OpenPicture, Queries
from midway.rpc.task_submits import Submits
from midway.rpc.task_watches import Watches


class TaskService(  # type: ignore[misc]  # the stubs know streams as generators only; ours write to the context
    Submits, Queries, Watches, midjourney_service_pb2_grpc.MidjourneyServiceServicer
):
    """The service that `midjourney_service.proto` describes."""

    def __init__(
        self,
        engine: Engine,
        open_picture: OpenPicture,
        pictures: PictureReader,
        links: PictureLinks,
        heartbeat: timedelta,
    ) -> None:
        Submits.__init__(self, engine, pictures, links)
        Queries.__init__(self, engine, open_picture, links)
        Watches.__init__(self, engine, links, heartbeat)
