"""What an operator decides about the server."""

from dataclasses import dataclass, field
from datetime import timedelta

from midway.engine.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What an operator decides about the server's two doors; the settings of the same names fill it."""

    host: str = "127.0.0.1"
    port: int = 50051  # of gRPC; 0: any free one
    rest_host: str = "127.0.0.1"  # where Envoy finds plain HTTP: pictures, events, lists, the old API's reads
    rest_port: int = 50052  # 0: any free one
    api_keys: tuple[str, ...] = field(default=(), repr=False)  # none: everybody may call
    health_needs_key: bool = False  # probes carry none; watching it needs one in any case, as all streams do
    reflection_needs_key: bool = True  # it tells strangers what runs here
    max_concurrent_calls: int = 10_000  # watches among them; each costs some 50 kB
    max_concurrent_calls_per_caller: int | None = None  # of one key and address, at each door; None: half of all
    max_running_calls_per_caller: int = 200  # that are no watches; the others of the same caller wait for these
    call_patience: timedelta = timedelta(seconds=30)  # how long a call waits for its turn
    max_picture_requests: int = 4  # in memory at a time; each costs some three times its size
    max_picture_requests_per_caller: int = 2
    picture_request_timeout: timedelta = timedelta(seconds=120)  # to arrive; 45 MB at 3 Mbit/s
    max_arriving_requests: int = 32  # without pictures, at a time; what is too long is found so when it has arrived
    max_arriving_requests_per_caller: int = 4
    max_arriving_requests_of_strangers: int = 2  # with a signature instead of a key, and as many probes of the health
    request_timeout: timedelta = timedelta(seconds=10)  # to arrive
    max_message_bytes: int = 56 * 1024 * 1024  # five pictures of 10 MiB, and room
    max_body_bytes: int = 64 * 1024  # of a request without pictures
    max_unary_image_bytes: int = 4_000_000  # gRPC clients take messages of 4 MiB
    max_page_bytes: int = 3_000_000  # of a page of Tasks, for the same reason
    max_listed_tasks: int = 1000  # asked for by their ids in one read of the old API
    max_query_bytes: int = 64 * 1024  # of the body of a read of the old API: three thousand ids
    envoy_secret: str = field(default="", repr=False)  # by which Envoy asks about uploads; none: it does not
    max_upload_body_bytes: int = 48 * 1024 * 1024  # of one request; five pictures of 6 MB in base64 are 40 MB
    max_upload_bytes: int = 256 * 1024 * 1024  # of all on their way through Envoy, which keeps each once or twice
    max_caller_upload_bytes: int = 96 * 1024 * 1024  # of one key's and address's: two of the longest
    upload_patience: timedelta = timedelta(seconds=45)  # below what clients wait for a submit
    silence: timedelta = timedelta(seconds=10)  # of a connection that has not asked for anything
    heartbeat: timedelta = timedelta(seconds=15)  # below the idle time-outs of common proxies (30 s and more)
    keepalive: timedelta = timedelta(seconds=30)  # finds dead clients under quiet watches
    keepalive_timeout: timedelta = timedelta(seconds=10)
    shortest_client_ping: timedelta = timedelta(seconds=10)  # more frequent pings are answered with GOAWAY
    connection_idle: timedelta = timedelta(minutes=10)  # without a call; then it is closed
    handshake_timeout: timedelta = timedelta(seconds=10)  # of a connection that says nothing
    shutdown_grace: timedelta = timedelta(seconds=4)  # for what runs at the end
    task_timeout: timedelta = Limits().total_timeout  # told by the old account paths
