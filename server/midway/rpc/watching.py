"""Where a watch begins and which Tasks it covers, for gRPC and server-sent events alike."""

from midjourney.v1 import query_pb2

from midway.domain.errors import InvalidField
from midway.domain.ids import Revision
from midway.engine.engine import Engine
from midway.rpc.convert_filter import query_from_filter
from midway.store.conditions import matcher
from midway.store.watch import TasksStream


async def known_revision(engine: Engine, after: int) -> Revision:
    """Check the revision after which a stream begins. Raises InvalidField if the server has not reached it."""
    if after < 0:
        raise InvalidField("after_revision", "must not be negative")
    if after and after > (latest := await engine.store.revision()):
        raise InvalidField("after_revision", f"is beyond the latest revision, {latest}")
    return Revision(after)


async def tasks_stream(engine: Engine, wanted: query_pb2.TaskFilter, after: Revision | None) -> TasksStream:
    """Stream every Task that matches; None for `after` means from now on. Raises InvalidField for a bad filter."""
    matching = matcher(query_from_filter(wanted))
    return engine.watch.watch_all(await engine.store.revision() if after is None else after, matching)
