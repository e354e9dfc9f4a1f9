"""MidjourneyService: submits, reads and watches under one name."""

from datetime import timedelta

from midjourney.v1 import midjourney_service_pb2_grpc

from midway.engine.engine import Engine
from midway.rpc.pictures import FetchLink
from midway.rpc.task_queries import Queries, ReadPicture
from midway.rpc.task_submits import Submits
from midway.rpc.task_watches import Watches


class TaskService(  # type: ignore[misc]  # the stubs know streams as generators only; ours write to the context
    Submits, Queries, Watches, midjourney_service_pb2_grpc.MidjourneyServiceServicer
):
    """The service that `midjourney_service.proto` describes."""

    def __init__(
        self, engine: Engine, picture: ReadPicture, fetch_link: FetchLink | None, heartbeat: timedelta
    ) -> None:
        Submits.__init__(self, engine, fetch_link)
        Queries.__init__(self, engine, picture)
        Watches.__init__(self, engine, heartbeat)
