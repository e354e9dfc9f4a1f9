"""The server's options."""

from dataclasses import dataclass, field
from datetime import timedelta

from midway.engine.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What an operator decides about the gRPC and the HTTP server; filled from the settings of the same names."""

    host: str = "127.0.0.1"
    port: int = 50051  # of gRPC; 0: any free one
    rest_host: str = "127.0.0.1"  # plain HTTP for Envoy: pictures, events, lists, the old API's reads
    rest_port: int = 50052  # 0: any free one
    api_keys: tuple[str, ...] = field(default=(), repr=False)  # empty: anyone may call
    health_needs_key: bool = False  # health checkers send none; its Watch always needs one, as all streams do
    reflection_needs_key: bool = True  # else it would tell anyone what runs here
    max_concurrent_calls: int = 10_000  # including watches; each takes some 50 kB
    max_concurrent_calls_per_caller: int | None = None  # per key and address, on each server; None: half of all
    max_running_calls_per_caller: int = 200  # not counting watches; further ones of the caller wait
    call_patience: timedelta = timedelta(seconds=30)  # how long a call waits for its turn
    max_picture_requests: int = 4  # in memory at a time; each takes about three times its size
    max_picture_requests_per_caller: int = 2
    picture_request_timeout: timedelta = timedelta(seconds=120)  # to arrive; 45 MB at 3 Mbit/s
    max_arriving_requests: int = 32  # without pictures, at a time; sizes are checked after arrival
    max_arriving_requests_per_caller: int = 4
    max_arriving_requests_of_strangers: int = 2  # signed links; and as many health checks
    request_timeout: timedelta = timedelta(seconds=10)  # to arrive
    max_message_bytes: int = 56 * 1024 * 1024  # five pictures of 10 MiB, and some margin
    max_body_bytes: int = 64 * 1024  # of a request without pictures
    max_unary_image_bytes: int = 4_000_000  # gRPC clients accept 4 MiB by default
    max_page_bytes: int = 3_000_000  # of a page of Tasks, for the same reason
    max_listed_tasks: int = 1000  # ids in one read of the old API
    max_query_bytes: int = 64 * 1024  # body of a read of the old API: 3,000 ids
    envoy_secret: str = field(default="", repr=False)  # identifies Envoy when it asks about uploads; empty: it does not
    max_upload_body_bytes: int = 48 * 1024 * 1024  # of one request; five pictures of 6 MB in base64 are 40 MB
    max_upload_bytes: int = 256 * 1024 * 1024  # of all in flight through Envoy, which buffers each once or twice
    max_caller_upload_bytes: int = 96 * 1024 * 1024  # per key and address: two of the largest
    upload_patience: timedelta = timedelta(seconds=45)  # shorter than clients wait for a submit
    silence: timedelta = timedelta(seconds=10)  # of an HTTP connection without a complete request head
    heartbeat: timedelta = timedelta(seconds=15)  # below the idle time-outs of common proxies (30 s and more)
    keepalive: timedelta = timedelta(seconds=30)  # detects dead clients of quiet watches
    keepalive_timeout: timedelta = timedelta(seconds=10)
    shortest_client_ping: timedelta = timedelta(seconds=10)  # more frequent pings are answered with GOAWAY
    connection_idle: timedelta = timedelta(minutes=10)  # a connection without calls is then closed
    handshake_timeout: timedelta = timedelta(seconds=10)  # for a connection that sends nothing
    shutdown_grace: timedelta = timedelta(seconds=4)  # for calls in progress at shutdown
    task_timeout: timedelta = Limits().total_timeout  # reported by the old API's account reads
