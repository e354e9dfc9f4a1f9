"""The bounds of the server's doors as settings: the names of `rpc.options.ServerOptions`, durations in seconds."""

from dataclasses import fields
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from midway.app.limit_settings import in_its_unit
from midway.rpc.options import ServerOptions

MIB = 1024 * 1024
_OPTIONS = ServerOptions()


class DoorSettings(BaseSettings):
    """Bounds of calls, requests and connections, at gRPC's door and at Envoy's; `ServerOptions` says why so many."""

    max_concurrent_calls: int = Field(
        10_000, ge=1, description="Most calls and watches at a time; more are refused with RESOURCE_EXHAUSTED"
    )
    max_concurrent_calls_per_caller: int | None = Field(
        None,
        ge=1,
        description="Most of these of one key from one address, so that one client leaves room for others; more are "
        "refused. Unset: half of them",
    )
    max_running_calls_per_caller: int = Field(
        _OPTIONS.max_running_calls_per_caller,
        ge=1,
        description="Most calls, watches aside, at work for one key from one address; further ones wait for these, and "
        "hold up nobody else",
    )
    call_patience_seconds: float = Field(
        _OPTIONS.call_patience.total_seconds(),
        gt=0,
        description="How long a call waits where its turn has not come; then it is refused with RESOURCE_EXHAUSTED",
    )
    max_picture_requests: int = Field(
        _OPTIONS.max_picture_requests,
        ge=1,
        description="Most gRPC requests with pictures in memory at a time; each may have MIDWAY_MAX_MESSAGE_BYTES, and "
        "costs some three times its size",
    )
    max_picture_requests_per_caller: int = Field(
        _OPTIONS.max_picture_requests_per_caller, ge=1, description="Most of these of one key from one address"
    )
    picture_request_timeout_seconds: float = Field(
        _OPTIONS.picture_request_timeout.total_seconds(),
        gt=0,
        description="How long such a request may take to arrive, so that slow clients do not keep others out",
    )
    max_arriving_requests: int = Field(
        _OPTIONS.max_arriving_requests,
        ge=1,
        description="Most other gRPC requests that arrive at a time; they have up to MIDWAY_MAX_BODY_BYTES, but what "
        "is larger is known to be so when it is there",
    )
    max_arriving_requests_per_caller: int = Field(
        _OPTIONS.max_arriving_requests_per_caller, ge=1, description="Most of these of one key from one address"
    )
    max_arriving_requests_of_strangers: int = Field(
        _OPTIONS.max_arriving_requests_of_strangers,
        ge=1,
        description="Most gRPC requests without a key that arrive at a time: those that may hold a signature instead, "
        "and as many probes of the health",
    )
    request_timeout_seconds: float = Field(
        _OPTIONS.request_timeout.total_seconds(),
        gt=0,
        description="How long a gRPC request without pictures may take to arrive",
    )
    connection_idle_seconds: float = Field(
        _OPTIONS.connection_idle.total_seconds(),
        gt=0,
        description="How long a gRPC connection may be without a call, so that idle ones use up no file descriptors",
    )
    handshake_timeout_seconds: float = Field(
        _OPTIONS.handshake_timeout.total_seconds(),
        gt=0,
        description="How long a new connection to the gRPC port may say nothing",
    )
    max_message_bytes: int = Field(
        56 * MIB, ge=MIB, description="Largest gRPC message; one is taken over in one go, while other calls wait"
    )
    max_unary_image_bytes: int = Field(
        _OPTIONS.max_unary_image_bytes,
        ge=1,
        description="Largest picture that GetTaskImage gives over gRPC, in one message; larger ones come by "
        "DownloadTaskImage. gRPC clients take 4 MiB unless told otherwise",
    )
    max_page_bytes: int = Field(
        _OPTIONS.max_page_bytes,
        ge=1,
        le=8 * MIB,
        description="Largest page of ListTasks; one with longer prompts holds fewer Tasks, so that clients can take it",
    )
    max_listed_tasks: int = Field(
        _OPTIONS.max_listed_tasks, ge=1, description="Most ids in one read of the old API (list-by-condition)"
    )
    max_query_bytes: int = Field(_OPTIONS.max_query_bytes, ge=1024, description="Largest body of such a read")
    max_body_bytes: int = Field(
        _OPTIONS.max_body_bytes,
        ge=1024,
        description="Largest request that carries no pictures, over REST (more is refused with 413 before it is kept) "
        "and over gRPC",
    )
    max_upload_body_bytes: int = Field(
        _OPTIONS.max_upload_body_bytes,
        ge=64 * 1024,
        description="Largest body of a REST submit that may carry pictures, as base64, and never more than "
        "MIDWAY_MAX_MESSAGE_BYTES; more is refused with 413",
    )
    max_upload_bytes: int = Field(
        _OPTIONS.max_upload_bytes,
        ge=64 * 1024,
        description="Most bytes of large bodies that Envoy takes at a time, and as many of bodies up to 64 KiB, so "
        "that they do not fill its memory; more wait for their turn before they are read",
    )
    max_caller_upload_bytes: int = Field(
        _OPTIONS.max_caller_upload_bytes,
        ge=64 * 1024,
        description="The same for one key from one address: its uploads wait behind each other, not others behind them",
    )
    upload_patience_seconds: float = Field(
        _OPTIONS.upload_patience.total_seconds(),
        ge=0,
        le=60,
        description="How long an upload waits for its turn before it is refused with 429",
    )
    max_json_elements: int = Field(
        4000,
        ge=100,
        description="Most commas in a JSON body, so that none keeps Envoy busy for long: members, elements, and those "
        "in texts; more is refused with 400",
    )
    silence_seconds: float = Field(
        _OPTIONS.silence.total_seconds(),
        gt=0,
        description="How long an HTTP connection may take to say what it wants, so that those that say nothing, or "
        "half of it, do not use up the open files",
    )
    envoy_workers: int | None = Field(
        None,
        ge=1,
        description="Threads of Envoy, so that one client's large request holds up no other; unset: one a core",
    )
    keepalive_seconds: float = Field(30, ge=10, description="Time between two pings on a quiet gRPC connection")
    keepalive_timeout_seconds: float = Field(10, gt=0, description="How long such a ping may go unanswered")
    heartbeat_seconds: float = Field(15, gt=0, description="Time between two heartbeats of a quiet watch")
    shutdown_grace_seconds: float = Field(4, ge=0, le=8, description="How long running calls may go on at the end")

    def bounds(self) -> dict[str, Any]:
        """Give the options of `ServerOptions` that are bounds, by their names."""
        own = DoorSettings.model_fields
        names = [field.name for field in fields(ServerOptions)]
        return {name: in_its_unit(self, name) for name in names if name in own or f"{name}_seconds" in own}
