"""The gRPC server: services, health, reflection and the chain around them."""

from dataclasses import dataclass
from datetime import timedelta

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from midjourney.legacy.v1 import legacy_service_pb2, legacy_service_pb2_grpc
from midjourney.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    midjourney_service_pb2,
    midjourney_service_pb2_grpc,
)

from midway.engine.engine import Engine
from midway.rpc.accounts import AccountService
from midway.rpc.auth import ApiKeys
from midway.rpc.interceptors import Chain
from midway.rpc.layers import HEALTH, REFLECTION, Drain, Observer, authenticating, mapping_errors, observing
from midway.rpc.legacy.service import LegacyService
from midway.rpc.pictures import FetchLink
from midway.rpc.task_queries import ReadPicture
from midway.rpc.tasks import TaskService

SERVICES = (
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"].full_name,
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"].full_name,
    legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"].full_name,
)
HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
WHOLE_SERVER = ""  # the name under which the health protocol asks for all services at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What an operator decides about the server; the settings of the same names fill it."""

    host: str = "127.0.0.1"
    port: int = 50051  # 0: any free one
    api_keys: tuple[str, ...] = ()  # none: everybody may call
    health_needs_key: bool = False  # probes carry none
    reflection_needs_key: bool = True  # it tells strangers what runs here
    max_message_bytes: int = 64 * 1024 * 1024  # five pictures of 6 MB as base64, and room
    heartbeat: timedelta = timedelta(seconds=15)  # below the idle time-outs of common proxies (30 s and more)
    keepalive: timedelta = timedelta(seconds=30)  # finds dead clients under quiet watches
    keepalive_timeout: timedelta = timedelta(seconds=10)
    shortest_client_ping: timedelta = timedelta(seconds=10)  # more frequent pings are answered with GOAWAY
    task_timeout: timedelta = timedelta(minutes=30)  # told by the old account paths; the engine has its own limits


class Server:
    """A server that was built, with its port bound; `start` lets clients in."""

    def __init__(self, server: grpc.aio.Server, healthy: health.aio.HealthServicer, drain: Drain, port: int) -> None:
        self.port = port
        self._server = server
        self._health = healthy
        self._drain = drain

    async def start(self) -> None:
        """Serve, and say so to whoever asks for its health."""
        await self._server.start()
        for name in (WHOLE_SERVER, *SERVICES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace: timedelta) -> None:
        """Let nobody in, end watches so that they can be resumed, and wait for other calls up to `grace`."""
        await self._health.enter_graceful_shutdown()
        self._drain.begin()
        await self._server.stop(grace.total_seconds())

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_for_termination()


def build_server(
    engine: Engine,
    picture: ReadPicture,
    options: ServerOptions,
    *,
    fetch_link: FetchLink | None = None,
    observe: Observer | None = None,
) -> Server:
    """Build the server and bind its port. Call inside the running event loop.

    `picture` reads a Task's picture, `fetch_link` a picture that a client sent as a link where only a file will do,
    `observe` hears of every call's end. Raises RuntimeError when the port is taken.
    """
    drain = Drain()
    server = grpc.aio.server(interceptors=[_chain(options, drain, observe)], options=_channel_options(options))
    _add_services(server, engine, picture, options, fetch_link)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((*SERVICES, HEALTH_SERVICE, reflection.SERVICE_NAME), server)
    return Server(server, healthy, drain, server.add_insecure_port(f"{options.host}:{options.port}"))


def _add_services(
    server: grpc.aio.Server, engine: Engine, picture: ReadPicture, options: ServerOptions, fetch_link: FetchLink | None
) -> None:
    tasks = TaskService(engine, picture, fetch_link, options.heartbeat)
    midjourney_service_pb2_grpc.add_MidjourneyServiceServicer_to_server(tasks, server)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(engine), server)
    legacy_service_pb2_grpc.add_LegacyServiceServicer_to_server(
        LegacyService(engine, fetch_link, options.task_timeout), server
    )


def _chain(options: ServerOptions, drain: Drain, observe: Observer | None) -> Chain:
    open_methods = _open_methods(options)
    keys = ApiKeys(options.api_keys)
    # Errors are mapped inside what observes them, and around whatever may refuse.
    return Chain([observing(observe), mapping_errors, drain.layer, authenticating(keys, open_methods=open_methods)])


def _open_methods(options: ServerOptions) -> tuple[str, ...]:
    guarded = {HEALTH: options.health_needs_key, REFLECTION: options.reflection_needs_key}
    return tuple(prefix for prefix, needs_key in guarded.items() if not needs_key)


def _channel_options(options: ServerOptions) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", options.max_message_bytes),
        ("grpc.keepalive_time_ms", _milliseconds(options.keepalive)),
        ("grpc.keepalive_timeout_ms", _milliseconds(options.keepalive_timeout)),
        ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(options.shortest_client_ping)),
        ("grpc.keepalive_permit_without_calls", 1),
        # Two servers on one port would share the clients between two stores.
        ("grpc.so_reuseport", 0),
    ]


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
