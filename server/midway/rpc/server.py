"""The gRPC server: services, health, reflection and the chain around them."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
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

from midway.engine.engine import Engine
from midway.rpc.accounts import AccountService
from midway.rpc.auth import ApiKeys
from midway.rpc.interceptors import Chain
from midway.rpc.layers import HEALTH, REFLECTION, Drain, KeyCheck, Observer, mapping_errors, observing
from midway.rpc.legacy.service import LegacyService
from midway.rpc.picture_links import DiscordLinks, PictureLinks
from midway.rpc.pictures import FetchLink, PictureReader
from midway.rpc.task_queries import OpenPicture
from midway.rpc.tasks import TaskService
from midway.rpc.webhooks import WebhookService

SERVICES = (
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"].full_name,
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"].full_name,
    webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"].full_name,
    legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"].full_name,
)
HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
HEALTH_CHECK = f"{HEALTH}Check"
MAX_METADATA_BYTES = 128 * 1024  # Envoy takes 60 KiB of headers, and passes a path on twice
WHOLE_SERVER = ""  # the name under which the health protocol asks for all services at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What an operator decides about the server; the settings of the same names fill it."""

    host: str = "127.0.0.1"
    port: int = 50051  # 0: any free one
    api_keys: tuple[str, ...] = field(default=(), repr=False)  # none: everybody may call
    health_needs_key: bool = False  # probes carry none; watching it needs one in any case, as all streams do
    reflection_needs_key: bool = True  # it tells strangers what runs here
    max_concurrent_calls: int = 10_000  # watches among them; each costs some 50 kB
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
    open_picture: OpenPicture,
    options: ServerOptions,
    *,
    fetch_link: FetchLink | None = None,
    links: PictureLinks | None = None,
    observe: Observer | None = None,
) -> Server:
    """Build the server and bind its port. Call inside the running event loop.

    `open_picture` opens a Task's picture, `fetch_link` reads a picture that a client sent as a link,
    `links` says how clients reach finished pictures (unset: by Discord's links), `observe` hears of every call's end.
    Raises RuntimeError when the port is taken.
    """
    drain = Drain()
    links = links or DiscordLinks()
    server = grpc.aio.server(options=_channel_options(options), maximum_concurrent_rpcs=options.max_concurrent_calls)
    chain: Any = _chain(options, drain, links, observe)  # takes services as a server does
    _add_services(chain, engine, open_picture, options, PictureReader(engine.pictures, fetch_link), links)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, chain)
    reflecting = reflection.aio.ReflectionServicer((*SERVICES, HEALTH_SERVICE, reflection.SERVICE_NAME))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflecting, chain)  # type: ignore[no-untyped-call]
    server.add_generic_rpc_handlers((chain,))
    return Server(server, healthy, drain, server.add_insecure_port(f"{options.host}:{options.port}"))


def _add_services(
    server: grpc.aio.Server,
    engine: Engine,
    open_picture: OpenPicture,
    options: ServerOptions,
    pictures: PictureReader,
    links: PictureLinks,
) -> None:
    tasks = TaskService(engine, open_picture, pictures, links, options.heartbeat)
    midjourney_service_pb2_grpc.add_MidjourneyServiceServicer_to_server(tasks, server)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(engine), server)
    webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(WebhookService(engine.store), server)
    legacy_service_pb2_grpc.add_LegacyServiceServicer_to_server(
        LegacyService(engine, pictures, links, options.task_timeout), server
    )


def _chain(options: ServerOptions, drain: Drain, links: PictureLinks, observe: Observer | None) -> Chain:
    keys = KeyCheck(ApiKeys(options.api_keys), _open_methods(options), links)
    # Errors are mapped inside what observes them, and around whatever may refuse.
    return Chain([observing(observe), mapping_errors, drain.layer, keys.layer], keys.admits)


def _open_methods(options: ServerOptions) -> tuple[str, ...]:
    guarded = {HEALTH_CHECK: options.health_needs_key, REFLECTION: options.reflection_needs_key}
    return tuple(prefix for prefix, needs_key in guarded.items() if not needs_key)


def _channel_options(options: ServerOptions) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", options.max_message_bytes),
        ("grpc.keepalive_time_ms", _milliseconds(options.keepalive)),
        ("grpc.keepalive_timeout_ms", _milliseconds(options.keepalive_timeout)),
        ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(options.shortest_client_ping)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        # Two servers on one port would share the clients between two stores.
        ("grpc.so_reuseport", 0),
    ]


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
