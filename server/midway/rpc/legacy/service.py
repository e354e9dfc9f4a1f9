"""LegacyService: the old REST paths, for clients that cannot change. It only converts."""

from midjourney.legacy.v1 import legacy_service_pb2_grpc

from midway.engine.engine import Engine
from midway.rpc.legacy.queries import LegacyQueries
from midway.rpc.legacy.reads import LegacyReads
from midway.rpc.legacy.submits import LegacySubmits
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import PictureReader


class LegacyService(LegacySubmits, LegacyQueries, legacy_service_pb2_grpc.LegacyServiceServicer):
    """The service that `legacy_service.proto` describes."""

    def __init__(self, engine: Engine, pictures: PictureReader, links: PictureLinks, reads: LegacyReads) -> None:
        LegacySubmits.__init__(self, engine, pictures, links)
        LegacyQueries.__init__(self, engine, reads)
