"""LegacyService: the old REST paths, for clients that cannot change. Converts, and holds no rule of its own."""

from datetime import timedelta

from midjourney.legacy.v1 import legacy_service_pb2_grpc

from midway.engine.engine import Engine
from midway.rpc.legacy.queries import LegacyQueries
from midway.rpc.legacy.submits import LegacySubmits
from midway.rpc.pictures import FetchLink


class LegacyService(LegacySubmits, LegacyQueries, legacy_service_pb2_grpc.LegacyServiceServicer):
    """The service that `legacy_service.proto` describes. `task_timeout` is only told, in the account paths."""

    def __init__(self, engine: Engine, fetch_link: FetchLink | None, task_timeout: timedelta) -> None:
        LegacySubmits.__init__(self, engine, fetch_link)
        LegacyQueries.__init__(self, engine, task_timeout)
