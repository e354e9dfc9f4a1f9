"""The server's limits as settings, named as in `rpc.options.ServerOptions`; durations are in seconds."""

from dataclasses import fields
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from midway.app.envoy import MAX_JSON_ELEMENTS
from midway.app.limit_settings import in_its_unit
from midway.rpc.options import ServerOptions

MIB = 1024 * 1024
LONGEST_HEARTBEAT_SECONDS = 50  # Envoy closes a watch that is silent for 60
_OPTIONS = ServerOptions()


class DoorSettings(BaseSettings):
    """Limits of calls, requests and connections, over gRPC and through Envoy; `ServerOptions` explains the defaults."""

    max_concurrent_calls: int = Field(
        _OPTIONS.max_concurrent_calls,
        ge=1,
        description="Maximum calls and watches at a time; further ones are refused with RESOURCE_EXHAUSTED",
    )
    max_concurrent_calls_per_caller: int | None = Field(
        _OPTIONS.max_concurrent_calls_per_caller,
        ge=1,
        description="The same per caller (one API key from one IP address); further ones are refused. Unset: "
        "half of all",
    )
    max_running_calls_per_caller: int = Field(
        _OPTIONS.max_running_calls_per_caller,
        ge=1,
        description="Maximum calls (not watches) that the server works on at a time per caller; further ones wait",
    )
    call_patience_seconds: float = Field(
        _OPTIONS.call_patience.total_seconds(),
        gt=0,
        description="How long a call waits for its turn before it is refused with RESOURCE_EXHAUSTED",
    )
    max_picture_requests: int = Field(
        _OPTIONS.max_picture_requests,
        ge=1,
        description="Maximum gRPC requests with pictures in memory at a time; each may be as large as "
        "MIDWAY_MAX_MESSAGE_BYTES and takes about three times its size",
    )
    max_picture_requests_per_caller: int = Field(
        _OPTIONS.max_picture_requests_per_caller, ge=1, description="The same per caller"
    )
    picture_request_timeout_seconds: float = Field(
        _OPTIONS.picture_request_timeout.total_seconds(),
        gt=0,
        description="How long a gRPC request with pictures may take to arrive",
    )
    max_arriving_requests: int = Field(
        _OPTIONS.max_arriving_requests,
        ge=1,
        description="Maximum gRPC requests without pictures that may be arriving at a time",
    )
    max_arriving_requests_per_caller: int = Field(
        _OPTIONS.max_arriving_requests_per_caller, ge=1, description="The same per caller"
    )
    max_arriving_requests_of_strangers: int = Field(
        _OPTIONS.max_arriving_requests_of_strangers,
        ge=1,
        description="Maximum gRPC requests without an API key that may be arriving at a time; the same number again "
        "for health checks",
    )
    request_timeout_seconds: float = Field(
        _OPTIONS.request_timeout.total_seconds(),
        gt=0,
        description="How long a gRPC request without pictures may take to arrive",
    )
    connection_idle_seconds: float = Field(
        _OPTIONS.connection_idle.total_seconds(),
        gt=0,
        description="A gRPC connection without a call for this long is closed",
    )
    handshake_timeout_seconds: float = Field(
        _OPTIONS.handshake_timeout.total_seconds(),
        gt=0,
        description="A new connection to the gRPC port that sends nothing for this long is closed",
    )
    max_message_bytes: int = Field(
        _OPTIONS.max_message_bytes, ge=MIB, le=2**31 - 1, description="Largest gRPC message that is taken"
    )
    max_unary_image_bytes: int = Field(
        _OPTIONS.max_unary_image_bytes,
        ge=1,
        description="Largest picture that GetTaskImage returns over gRPC; larger ones need DownloadTaskImage. gRPC "
        "clients accept 4 MiB by default",
    )
    max_page_bytes: int = Field(
        _OPTIONS.max_page_bytes,
        ge=1,
        le=8 * MIB,
        description="Largest page of ListTasks; one with long prompts holds fewer Tasks",
    )
    max_listed_tasks: int = Field(
        _OPTIONS.max_listed_tasks,
        ge=1,
        description="Maximum ids in one read of the old API (list-by-condition)",
    )
    max_query_bytes: int = Field(_OPTIONS.max_query_bytes, ge=1024, description="Largest request body of such a read")
    max_body_bytes: int = Field(
        _OPTIONS.max_body_bytes,
        ge=1024,
        description="Largest request without pictures, over REST (larger: 413) and gRPC",
    )
    max_upload_body_bytes: int = Field(
        _OPTIONS.max_upload_body_bytes,
        ge=64 * 1024,
        description="Largest REST request that may carry pictures (base64), at most MIDWAY_MAX_MESSAGE_BYTES; "
        "larger: 413",
    )
    max_upload_bytes: int = Field(
        _OPTIONS.max_upload_bytes,
        ge=64 * 1024,
        description="Maximum bytes of request bodies over 64 KiB that Envoy accepts at a time, and as many again of "
        "smaller ones; more wait",
    )
    max_caller_upload_bytes: int = Field(
        _OPTIONS.max_caller_upload_bytes,
        ge=64 * 1024,
        description="The same per caller; more wait without delaying other callers",
    )
    upload_patience_seconds: float = Field(
        _OPTIONS.upload_patience.total_seconds(),
        ge=0,
        le=60,
        description="How long an upload waits for its turn before it is refused with 429",
    )
    max_json_elements: int = Field(
        MAX_JSON_ELEMENTS,
        ge=100,
        description="Maximum commas in a JSON body, those in strings included; more: 400. It bounds the time that "
        "Envoy spends on a body",
    )
    silence_seconds: float = Field(
        _OPTIONS.silence.total_seconds(),
        gt=0,
        description="An HTTP connection that has not sent a whole request head after this long is closed",
    )
    envoy_workers: int | None = Field(
        None,
        ge=1,
        description="Threads of Envoy; unset: one per core",
    )
    keepalive_seconds: float = Field(
        _OPTIONS.keepalive.total_seconds(), ge=10, description="Time between two pings on a quiet gRPC connection"
    )
    keepalive_timeout_seconds: float = Field(
        _OPTIONS.keepalive_timeout.total_seconds(),
        gt=0,
        description="How long a ping may go unanswered before the connection is closed",
    )
    heartbeat_seconds: float = Field(
        _OPTIONS.heartbeat.total_seconds(),
        gt=0,
        le=LONGEST_HEARTBEAT_SECONDS,
        description="Time between two heartbeats of a quiet watch; at most 50, as Envoy ends one that is silent for 60",
    )
    shutdown_grace_seconds: float = Field(
        _OPTIONS.shutdown_grace.total_seconds(),
        ge=0,
        le=8,
        description="How long running calls may go on after a signal to stop",
    )

    def bounds(self) -> dict[str, Any]:
        """Return the limits as keyword arguments of `ServerOptions`."""
        own = DoorSettings.model_fields
        names = [field.name for field in fields(ServerOptions)]
        return {name: in_its_unit(self, name) for name in names if name in own or f"{name}_seconds" in own}
