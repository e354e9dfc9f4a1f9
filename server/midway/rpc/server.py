"""The gRPC server: services, health, reflection and the chain around them."""

from datetime import timedelta
from typing import Any, NoReturn

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from midjourney.legacy.v1 import legacy_service_pb2, legacy_service_pb2_grpc
from midjourney.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    midjourney_service_pb2,
    midjourney_service_pb2_grpc,
    webhook_service_pb2,
    webhook_service_pb2_grpc,
)

from midway.domain.errors import Reason, Unsupported
from midway.engine.engine import Engine
from midway.rpc.accounts import AccountService
from midway.rpc.interceptors import Chain, Context
from midway.rpc.layers import Layers
from midway.rpc.legacy.reads import LegacyReads
from midway.rpc.legacy.service import LegacyService
from midway.rpc.listener import Listener
from midway.rpc.messages import RequestLimits
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.receiving import LOOKAHEAD_BYTES, Receiver
from midway.rpc.request_pictures import FetchLink, PictureReader
from midway.rpc.task_images import TaskImages
from midway.rpc.tasks import TaskService
from midway.rpc.uploads import PROCESS as UPLOADS
from midway.rpc.uploads import Uploads
from midway.rpc.webhooks import WebhookService

SERVICES = (
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"].full_name,
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"].full_name,
    webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"].full_name,
    legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"].full_name,
)
HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
MAX_METADATA_BYTES = 128 * 1024  # Envoy accepts 60 KiB of headers, and forwards the path twice
NO_COMPRESSION = 1  # the bit of "identity"
LONGEST_UNTAKEN_SECONDS = 600  # for a call that waits to be accepted, unless its client cancels it
FEWEST_PENDING = 3000  # calls of a method that wait to be accepted; enough that a small server can refuse them itself
WHOLE_SERVER = ""  # the name under which the health protocol asks for all services at once


class Health(health.aio.HealthServicer):
    """The health of the services, asked for one by one."""

    async def List(self, request: Any, context: Context) -> NoReturn:  # the stubs lack the method
        """Refuse to list them."""
        raise Unsupported(Reason.NOT_IMPLEMENTED, "ask for the health of one service, or of the server, with Check")


class Server:
    """A server with its port bound; `start` begins to accept calls."""

    def __init__(self, listener: Listener, healthy: health.aio.HealthServicer, port: int) -> None:
        self.port = port
        self._listener = listener
        self._health = healthy

    async def start(self) -> None:
        """Start serving, and report SERVING to health checks."""
        await self._listener.start()
        await self.say_serving(is_serving=True)

    async def say_serving(self, *, is_serving: bool) -> None:
        """Set what health checks report, SERVING or NOT_SERVING; calls are accepted in either case."""
        told = health_pb2.HealthCheckResponse
        for name in (WHOLE_SERVER, *SERVICES):
            await self._health.set(name, told.SERVING if is_serving else told.NOT_SERVING)

    async def stop(self, grace: timedelta) -> None:
        """Report NOT_SERVING, accept no more calls, and wait up to `grace` for the others.

        The caller has begun the layers' drain before.
        """
        await self._health.enter_graceful_shutdown()
        await self._listener.shutdown(grace.total_seconds())

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._listener.wait_for_termination(None)


def build_server(
    engine: Engine,
    images: TaskImages,
    options: ServerOptions,
    *,
    layers: Layers,
    links: PictureLinks,
    fetch_link: FetchLink | None = None,
) -> Server:
    """Build the server and bind its port. Call inside the running event loop.

    `images` finds Tasks' pictures; `fetch_link` fetches a picture that a client sent as a link where a file is needed;
    `layers` wrap every call; `links` makes and checks the links by which clients reach pictures.
    Raises RuntimeError when the port is taken.
    """
    limits = RequestLimits(
        pictures=engine.pictures.max_count,
        picture_bytes=engine.pictures.max_bytes,
        bytes=options.max_body_bytes,
        ids=options.max_listed_tasks,
    )
    chain: Any = Chain(layers.of_a_door(), Receiver(options), limits)  # generated code takes it for a server
    reader = PictureReader(engine.pictures, fetch_link, engine.decoder.mask)
    tasks = TaskService(engine, images, reader, links, options)
    midjourney_service_pb2_grpc.add_MidjourneyServiceServicer_to_server(tasks, chain)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(engine), chain)
    webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(WebhookService(engine.store, engine.clock), chain)
    reads = LegacyReads(engine, links, options.task_timeout, options.max_listed_tasks)
    legacy = LegacyService(engine, reader, links, reads)
    legacy_service_pb2_grpc.add_LegacyServiceServicer_to_server(legacy, chain)
    healthy = Health()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, chain)
    reflecting = reflection.aio.ReflectionServicer((*SERVICES, HEALTH_SERVICE, reflection.SERVICE_NAME))
    add_reflection: Any = reflection_pb2_grpc.add_ServerReflectionServicer_to_server  # untyped in the stubs
    add_reflection(reflecting, chain)
    chain.add_bare(UPLOADS, Uploads(options).handler())
    listener = Listener(chain, chain.methods, _channel_options(options))
    return Server(listener, healthy, listener.listen(f"{options.host}:{options.port}"))


def _channel_options(options: ServerOptions) -> list[tuple[str, int]]:
    pending = max(options.max_concurrent_calls, FEWEST_PENDING)
    return [
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", -1),  # pages and pictures have limits of their own
        ("grpc.max_connection_idle_ms", _milliseconds(options.connection_idle)),
        ("grpc.server_handshake_timeout_ms", _milliseconds(options.handshake_timeout)),
        # Data that is not being read waits at the client; during a read, grpc-core enlarges the window by itself.
        ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
        ("grpc.http2.bdp_probe", 0),
        # By default grpc-core cancels random calls when more than 1,000 of a method are waiting to be accepted.
        ("grpc.server.max_pending_requests", pending),
        ("grpc.server.max_pending_requests_hard_limit", pending),
        # By default it also cancels each call that has waited for 30 seconds.
        ("grpc.server_max_unrequested_time_in_server", LONGEST_UNTAKEN_SECONDS),
        # A compressed message of 60 kB could expand to 60 MB, and would block the event loop meanwhile.
        ("grpc.compression_enabled_algorithms_bitset", NO_COMPRESSION),
        ("grpc.keepalive_time_ms", _milliseconds(options.keepalive)),
        ("grpc.keepalive_timeout_ms", _milliseconds(options.keepalive_timeout)),
        ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(options.shortest_client_ping)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        # Two servers on one port would split the clients between two stores.
        ("grpc.so_reuseport", 0),
    ]


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
