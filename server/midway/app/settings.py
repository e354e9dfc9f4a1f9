"""Every setting of Midway, from MIDWAY_* variables first and midway.toml second; from nowhere else."""

import ipaddress
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from midway.app.account_settings import AccountSettings, simulator_account
from midway.app.discord_proxy import ProxyAddress, proxy_of
from midway.app.limit_settings import LimitSettings
from midway.app.log_file import LogSize
from midway.app.ports import address, bracketed, reachable
from midway.discord.settings import ClientSettings
from midway.engine.account import AccountConfig
from midway.engine.decoder import DecoderRules
from midway.engine.limits import Limits
from midway.engine.picture import PictureLimits
from midway.outbound.names import NameRules
from midway.outbound.proxy import Proxy
from midway.rpc.auth import is_usable_key
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import LIFETIME
from midway.webhook.rules import WebhookRules

DEFAULT_FILE = "midway.toml"
MIB = 1024 * 1024
LAST_PORT = 65535
_RULES = WebhookRules()
_OPTIONS = ServerOptions()
_NAMES = NameRules()
_DECODING = DecoderRules()


class SettingsInvalid(Exception):
    """The settings cannot be used; the message has one line for each thing to mend and never a value."""


# As browsers say it: no path, no slash at the end.
Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


def _stripped(part: object) -> object:
    return part.strip() if isinstance(part, str) else part


def _port(default: int, description: str) -> int:
    field: int = Field(default, ge=0, le=65535, description=f"{description}; 0: any free one")
    return field


class Settings(LimitSettings):
    """What an operator may set. Secrets are SecretStr, so that printing them shows nothing."""

    model_config = SettingsConfigDict(
        env_prefix="MIDWAY_", extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    # Where things listen and lie
    host: str = Field("127.0.0.1", description="Address to listen on; without API keys only a loopback one")
    http_port: int = _port(8080, "Port of the REST API (Envoy)")
    grpc_port: int = _port(50051, "Port of the gRPC API")
    rest_backend_host: str = Field(
        _OPTIONS.rest_host,
        description="Address at which Envoy finds the server's plain HTTP; beyond loopback with keys only",
    )
    rest_backend_port: int | None = Field(
        None,
        ge=0,
        le=LAST_PORT,
        description="Port of that: pictures, events, lists and the old API's reads; unset: the one after the gRPC port "
        "(`midway stack`: any free one); 0: any free one",
    )
    simulator_port: int = _port(9300, "Port of the Discord simulator")
    metrics_port: int = _port(9464, "Port of the Prometheus metrics, on loopback")
    metrics_idle_seconds: float = Field(
        30, ge=1, description="How long a connection to that port may ask nothing, so that silent ones end"
    )
    metrics_max_connections: int = Field(
        16, ge=1, description="Most connections to that port, so that they do not use up the files"
    )
    data_dir: Path = Field(Path("data"), description="Directory of the database, pictures and logs")
    allow_network_file_system: bool = Field(False, description="Open a database on a network file system all the same")
    server: str | None = Field(None, description="host:port that the client commands call; unset: this machine's")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address at which clients reach the REST API (`https://pictures.example.org`); links to finished "
        "pictures then lead there and never expire. Unset: Discord's links, which end after a day",
    )
    picture_link_days: float = Field(
        LIFETIME / timedelta(days=1),
        gt=0,
        le=36_500,
        description="How long a picture's `path` works without an API key; whoever reads the Task gets a new one",
    )

    # Who may call
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="API keys, comma-separated; empty: no key is asked, and only this machine may call"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (),
        description="Web pages that may call with a key (`https://app.example`), comma-separated; empty: any. "
        "Without keys only pages of this machine may",
    )
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
    max_message_bytes: int = Field(64 * MIB, ge=MIB, description="Largest gRPC message")
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
    envoy_secret: SecretStr | None = Field(
        None,
        description="What Envoy shows when it asks the server whether a body may come; `midway stack` makes one. "
        "Beside an Envoy of your own, the same here and in its configuration; unset: it does not ask",
    )
    keepalive_seconds: float = Field(30, ge=10, description="Time between two pings on a quiet gRPC connection")
    keepalive_timeout_seconds: float = Field(10, gt=0, description="How long such a ping may go unanswered")
    heartbeat_seconds: float = Field(15, gt=0, description="Time between two heartbeats of a quiet watch")
    shutdown_grace_seconds: float = Field(4, ge=0, le=8, description="How long running calls may go on at the end")

    # Discord
    accounts: tuple[AccountSettings, ...] = Field((), description="Discord accounts; `[[accounts]]` in midway.toml")
    discord_proxy: ProxyAddress | None = Field(
        None,
        description="Proxy for all that goes to Discord and its CDN: `http://host:port` or `socks5://host:port`, with "
        "`user:password@` before the host where it asks for them; an account's `proxy` counts more",
    )
    simulator_url: str | None = Field(None, description="Simulator to use instead of Discord; `midway stack` sets it")
    simulator_accounts: int = Field(2, ge=1, le=1000, description="How many demo accounts the simulator has")
    simulator_speed: float = Field(1, gt=0, description="How many times faster than Midjourney the simulator is")
    simulator_seed: int | None = Field(None, description="Makes the simulator's jobs and pictures repeat")
    simulator_bots: Literal["both", "mj", "niji"] = Field(
        "both", description="Which bots are in the servers of the demo accounts"
    )
    simulator_pictures: Literal["small", "real"] = Field(
        "small", description="`real`: the simulator's pictures have Midjourney's sizes and weights"
    )
    discord_build_number: int | None = Field(None, description="Build number of Discord's web client to show")

    # Prompts and pictures
    max_image_bytes: int = Field(PictureLimits().max_bytes, ge=1, description="Largest picture that a client may send")
    max_image_pixels: int = Field(PictureLimits().max_pixels, ge=1, description="Most pixels of such a picture")
    max_image_scans: int = Field(
        PictureLimits().max_scans,
        ge=1,
        description="Most scans of a JPEG that a client sends; who decodes it goes over all of its pixels for each",
    )
    max_image_frames: int = Field(
        PictureLimits().max_frames, ge=1, description="Most frames of an animated picture that a client sends"
    )
    decode_processes: int = Field(
        _DECODING.processes,
        ge=1,
        description="Most pictures (masks and thumbnails) that are decoded at a time, each in a process of its own; "
        "of several one is left for masks",
    )
    decode_seconds: float = Field(
        _DECODING.time.total_seconds(),
        gt=0,
        description="How long decoding one picture may take; then its process is killed and the request refused",
    )
    decode_memory_bytes: int = Field(
        _DECODING.memory_bytes,
        ge=256 * MIB,
        description="Memory (address space) of such a process; a picture that needs more is refused",
    )
    thumbnail_pixels: int = Field(
        _DECODING.max_pixels, ge=1, description="Most pixels of a picture that thumbnails are made of"
    )
    banned_words_file: Path | None = Field(None, description="Words to refuse in prompts, one a line; read anew")
    translator_url: str | None = Field(None, description="Base URL of an OpenAI-compatible API for translations")
    translator_key: SecretStr | None = Field(None, description="Key for it")
    translator_model: str = Field("gpt-4o-mini", description="Model to ask there")
    translator_timeout_seconds: float = Field(20, gt=0, description="How long a translation may take")

    # What goes out
    notify_url: str = Field("", description="Webhook for Tasks that name none")
    webhook_secret: SecretStr | None = Field(None, description="Signs webhooks (Standard Webhooks, whsec_...)")
    webhook_max_age_seconds: float = Field(
        _RULES.max_age.total_seconds(), gt=0, description="How long a webhook is tried"
    )
    webhook_timeout_seconds: float = Field(
        _RULES.try_timeout.total_seconds(), gt=0, description="How long one try of a webhook may take"
    )
    webhook_first_delay_seconds: float = Field(
        _RULES.first_delay.total_seconds(), gt=0, description="Wait after the first failed try; doubled after each"
    )
    webhook_longest_delay_seconds: float = Field(
        _RULES.longest_delay.total_seconds(), gt=0, description="Longest wait between two tries of a webhook"
    )
    webhook_dead_letter_days: float = Field(
        _RULES.keep_dead_letters / timedelta(days=1),
        gt=0,
        description="How long a webhook that was given up is kept for `midway redeliver`",
    )
    webhook_max_concurrent: int = Field(
        _RULES.max_concurrent,
        ge=1,
        description="Most webhooks at a time; those to names under one domain take at most half of it, so that one "
        "that does not answer holds up no other",
    )
    webhook_max_concurrent_per_host: int = Field(
        _RULES.max_concurrent_per_host, ge=1, description="Most webhooks at a time to one host"
    )
    webhook_allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="host or host:port that webhooks may reach though it is private, comma-separated; "
        "without API keys this machine is allowed anyway",
    )
    link_max_concurrent: int = Field(
        64,
        ge=1,
        description="Most pictures at a time that are fetched by a client's link; those from names under one domain "
        "take at most half of it, and more wait",
    )
    link_max_concurrent_per_host: int = Field(
        16, ge=1, description="Most such pictures at a time from one host, so that a dead one delays only its own"
    )
    link_timeout_seconds: float = Field(30, gt=0, description="How long such a picture may take, the wait included")
    dns_timeout_seconds: float = Field(
        _NAMES.timeout.total_seconds(),
        gt=0,
        description="How long the look-up of a name may take, for webhooks, links, pictures and translations",
    )
    dns_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        _NAMES.servers, description="Name servers for those, `address:port`, comma-separated; empty: the system's"
    )
    max_transfer_bytes: int = Field(
        ClientSettings().max_transfer_bytes,
        ge=MIB,
        description="Largest picture or film fetched from Discord, so that one file cannot fill the disk",
    )
    media_max_age_days: float | None = Field(None, gt=0, description="How long pictures are kept; unset: for ever")
    media_max_bytes: int | None = Field(None, ge=1, description="Room for pictures; unset: no limit")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else JSON")
    log_max_bytes: int = Field(
        LogSize().max_bytes,
        ge=1024,
        description="Largest log file of `midway stack`, for each of its programs; past it a new one is begun, so that "
        "logs cannot fill the disk",
    )
    log_files: int = Field(LogSize().files, ge=1, description="How many such files are kept; the oldest go")

    @field_validator("api_keys", "cors_origins", "webhook_allow_hosts", "dns_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(map(_stripped, value)) if isinstance(value, list | tuple) else value

    @field_validator("api_keys")
    @classmethod
    def _usable_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        # A blank one would open a server to everybody that its operator believes closed.
        for number, key in enumerate(keys, 1):
            if not is_usable_key(key.get_secret_value()):
                raise ValueError(f"key {number} is blank, or holds more than plain ASCII characters")
        return keys

    @field_validator("dns_servers")
    @classmethod
    def _readable_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for number, server in enumerate(servers, 1):
            if not _is_socket_address(server):
                raise ValueError(f"server {number} is no address:port, as 192.0.2.1:53 or [2001:db8::1]:53")
        return servers

    @field_validator("envoy_secret")
    @classmethod
    def _plain_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        # Envoy would take a % for a word of its own, and YAML a quote.
        if secret and not _SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("must be letters, digits, - and _, 16 at least")
        return secret

    @model_validator(mode="after")
    def _closed_by_default(self) -> "Settings":
        for name, host in (("MIDWAY_HOST", self.host), ("MIDWAY_REST_BACKEND_HOST", self.rest_backend_host)):
            if not self.api_keys and not is_loopback(host):
                raise ValueError(
                    f"{name}={host} would open this server to others without a key: "
                    "set MIDWAY_API_KEYS, or listen on 127.0.0.1"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments (tests), environment, midway.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    def webhook_rules(self) -> WebhookRules:
        """Build the rules by which webhooks are delivered."""
        return WebhookRules(
            try_timeout=timedelta(seconds=self.webhook_timeout_seconds),
            first_delay=timedelta(seconds=self.webhook_first_delay_seconds),
            longest_delay=timedelta(seconds=self.webhook_longest_delay_seconds),
            max_age=timedelta(seconds=self.webhook_max_age_seconds),
            keep_dead_letters=timedelta(days=self.webhook_dead_letter_days),
            max_concurrent_per_host=self.webhook_max_concurrent_per_host,
            max_concurrent=self.webhook_max_concurrent,
        )

    def name_rules(self) -> NameRules:
        """Build the rules by which names are resolved."""
        return NameRules(timeout=timedelta(seconds=self.dns_timeout_seconds), servers=self.dns_servers)

    def picture_limits(self) -> PictureLimits:
        """Build the limits on pictures that clients send."""
        return PictureLimits(
            max_bytes=self.max_image_bytes,
            max_pixels=self.max_image_pixels,
            max_count=self.max_input_images,
            max_scans=self.max_image_scans,
            max_frames=self.max_image_frames,
        )

    def decoder_rules(self) -> DecoderRules:
        """Build the bounds on decoding."""
        return DecoderRules(
            processes=self.decode_processes,
            time=timedelta(seconds=self.decode_seconds),
            memory_bytes=self.decode_memory_bytes,
            max_pixels=self.thumbnail_pixels,
        )

    @property
    def uses_simulator(self) -> bool:
        """Whether Discord is the simulator."""
        return self.simulator_url is not None

    @property
    def shown_by_envoy(self) -> str:
        """The secret by which the server knows its Envoy; "" where there is none."""
        return self.envoy_secret.get_secret_value() if self.envoy_secret else ""

    @property
    def server_address(self) -> str:
        """The gRPC address that the client commands call."""
        return self.server or address(reachable(self.host), self.grpc_port)

    @property
    def rest_port(self) -> int:
        """The port of the server's HTTP behind Envoy; 0 where the gRPC port is any free one, too."""
        if self.rest_backend_port is not None:
            return self.rest_backend_port
        return self.grpc_port + 1 if 0 < self.grpc_port < LAST_PORT else 0

    def account_configs(self) -> list[AccountConfig]:
        """Build the Accounts; with the simulator and none set, its demo accounts."""
        if self.accounts or not self.uses_simulator:
            return [account.config(self.proxy) for account in self.accounts]
        return [simulator_account(number).config(self.proxy) for number in range(1, self.simulator_accounts + 1)]

    @property
    def proxy(self) -> Proxy | None:
        """The way to Discord of Accounts that have none of their own, and of what belongs to none."""
        return proxy_of(self.discord_proxy)

    def engine_limits(self) -> Limits:
        """Build the engine's limits. The simulator needs no pace: nobody there counts."""
        return self.limits(default_pace=timedelta(0) if self.uses_simulator else Limits().pace)


def _is_socket_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        written = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        return host == bracketed(str(written)) and 0 < int(port) <= LAST_PORT
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_NAME = re.compile(r"[a-z0-9_]{1,40}(?:\.[a-z0-9_]{1,40})*")


def config_file() -> Path:
    """Name the settings file: MIDWAY_CONFIG, else midway.toml in the working directory."""
    return Path(os.environ.get("MIDWAY_CONFIG") or DEFAULT_FILE)


def load_settings() -> Settings:
    """Read the settings. Raises SettingsInvalid, which tells every mistake by its name."""
    file = config_file()
    if "MIDWAY_CONFIG" in os.environ and not file.is_file():
        raise SettingsInvalid(f"MIDWAY_CONFIG: there is no file {file}")
    try:
        return Settings()
    except ValidationError as err:
        raise SettingsInvalid("\n".join(_mistakes(err, file))) from None
    except SettingsError as err:
        raise SettingsInvalid(str(err)) from None
    except (OSError, ValueError, RecursionError) as err:  # the last of brackets without end
        raise SettingsInvalid(f"{file}: {err}") from None


def _mistakes(err: ValidationError, file: Path) -> list[str]:
    return [_mistake(".".join(str(part) for part in one["loc"]), one["type"], one["msg"], file) for one in err.errors()]


def _mistake(name: str, kind: str, message: str, file: Path) -> str:
    message = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        # What is no name may be a value in the wrong place: a token, or an address with a password.
        return f"{file}: unknown setting" + (f" {name!r}" if _NAME.fullmatch(name) else ", which is no name")
    if not name:
        return message
    if name not in Settings.model_fields:
        return f"{name}: {message}"
    return f"MIDWAY_{name.upper()} (or {name} in {file}): {message}"
