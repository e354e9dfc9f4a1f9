"""All settings of Midway. MIDWAY_* variables take precedence over midway.toml; there is no other source."""

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
from midway.app.door_settings import DoorSettings
from midway.app.limit_settings import LimitSettings
from midway.app.log_file import LogSize
from midway.app.outgoing_settings import OutgoingSettings
from midway.app.ports import LAST_PORT, address, reachable
from midway.discord.settings import ClientSettings
from midway.engine.account_config import AccountConfig
from midway.engine.limits import Limits
from midway.outbound.proxy import Proxy
from midway.pictures.checks import MOST_PIXELS, PictureLimits
from midway.pictures.decoder import DecoderRules
from midway.rpc.auth import is_usable_key
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import LIFETIME

DEFAULT_FILE = "midway.toml"
MIB = 1024 * 1024
_OPTIONS = ServerOptions()
_DECODING = DecoderRules()


class SettingsInvalid(Exception):
    """The settings are invalid; the message has one line for each mistake, and never a value."""


# In the form that browsers send: without a path or a trailing slash.
Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


def _stripped(part: object) -> object:
    return part.strip() if isinstance(part, str) else part


def _port(default: int, description: str) -> int:
    field: int = Field(default, ge=0, le=LAST_PORT, description=f"{description}; 0: any free one")
    return field


class Settings(OutgoingSettings, DoorSettings, LimitSettings):
    """All settings. Secrets are SecretStr, so that printing the settings does not reveal them."""

    model_config = SettingsConfigDict(
        env_prefix="MIDWAY_", extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    # Addresses and directories
    host: str = Field("127.0.0.1", description="Address to listen on; without API keys it must be a loopback address")
    http_port: int = _port(8080, "Port of the REST API (Envoy)")
    grpc_port: int = _port(50051, "Port of the gRPC API")
    rest_backend_host: str = Field(
        _OPTIONS.rest_host,
        description="Address of the server's plain HTTP port, which only Envoy calls; without API keys it must be a "
        "loopback address",
    )
    rest_backend_port: int | None = Field(
        None,
        ge=0,
        le=LAST_PORT,
        description="That port; it serves pictures, events, lists and the old API's reads. Unset: the gRPC port "
        "plus 1, or any free port in `midway stack`; 0: any free one",
    )
    simulator_port: int = _port(9300, "Port of the Discord simulator")
    metrics_port: int = _port(9464, "Port of the Prometheus metrics, on loopback")
    metrics_idle_seconds: float = Field(
        30, ge=1, description="A connection to the metrics port that sends nothing for this long is closed"
    )
    metrics_max_connections: int = Field(
        16, ge=1, description="Maximum connections to the metrics port; further ones are closed"
    )
    data_dir: Path = Field(Path("data"), description="Directory of the database, pictures and logs")
    allow_network_file_system: bool = Field(False, description="Allow the database to lie on a network file system")
    server: str | None = Field(
        None, description="host:port of the server that the client commands call; unset: the one on this machine"
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address at which clients reach the REST API (`https://pictures.example.org`); links to "
        "finished pictures then lead there and never expire. Unset: links are Discord's and expire after a day",
    )
    picture_link_days: float = Field(
        LIFETIME / timedelta(days=1),
        gt=0,
        le=36_500,
        description="How many days a picture's `path` works without an API key; each read of the Task gives a fresh "
        "one",
    )

    # Who may call
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="API keys, comma-separated; empty: no key is needed, and only this machine may call"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (),
        description="Origins whose pages may call with a key (`https://app.example`), comma-separated; empty: any. "
        "Without API keys only pages of this machine may call",
    )
    envoy_secret: SecretStr | None = Field(
        None,
        description="Secret by which the server recognises its Envoy; `midway stack` makes one. If you run your own "
        "Envoy, put the same secret into its configuration. Unset: Envoy accepts request bodies without asking the "
        "server first",
    )

    # Discord
    accounts: tuple[AccountSettings, ...] = Field((), description="Discord accounts; `[[accounts]]` in midway.toml")
    discord_proxy: ProxyAddress | None = Field(
        None,
        description="Proxy for everything sent to Discord and its CDN: `http://host:port` or `socks5://host:port`, "
        "with `user:password@` before the host if it needs them; an account's own `proxy` takes precedence",
    )
    simulator_url: str | None = Field(None, description="Simulator to use instead of Discord; `midway stack` sets it")
    simulator_accounts: int = Field(2, ge=1, le=1000, description="How many demo accounts the simulator has")
    simulator_speed: float = Field(1, gt=0, description="How many times faster than Midjourney the simulator is")
    simulator_seed: int | None = Field(None, description="Seed that makes the simulator's jobs and pictures repeatable")
    simulator_bots: Literal["both", "mj", "niji"] = Field(
        "both", description="Which bots the servers of the demo accounts have"
    )
    simulator_pictures: Literal["small", "real"] = Field(
        "small", description="`real`: the simulator's pictures have the dimensions and file sizes of Midjourney's"
    )
    discord_build_number: int | None = Field(
        None, description="Build number of Discord's web client to report to Discord"
    )

    # Prompts and pictures
    max_image_bytes: int = Field(PictureLimits().max_bytes, ge=1, description="Largest picture that a client may send")
    max_image_pixels: int = Field(
        PictureLimits().max_pixels,
        ge=1,
        le=MOST_PIXELS,
        description="Maximum pixels of a picture that a client sends",
    )
    max_image_scans: int = Field(
        PictureLimits().max_scans,
        ge=1,
        description="Maximum scans of a JPEG that a client sends; a decoder goes over all pixels for each",
    )
    max_image_frames: int = Field(
        PictureLimits().max_frames,
        ge=1,
        description="Maximum frames of an animated picture that a client sends",
    )
    decode_processes: int = Field(
        _DECODING.processes,
        ge=1,
        description="Maximum masks and thumbnails decoded at a time, each in its own process; if more than one, one is "
        "reserved for masks",
    )
    decode_seconds: float = Field(
        _DECODING.time.total_seconds(),
        gt=0,
        description="Time limit for decoding one picture; then its process is killed and the request refused",
    )
    decode_memory_bytes: int = Field(
        _DECODING.memory_bytes,
        ge=256 * MIB,
        description="Maximum memory (address space) of a decoding process; a picture that needs more is refused",
    )
    thumbnail_pixels: int = Field(
        _DECODING.max_pixels, ge=1, le=MOST_PIXELS, description="A picture with more pixels gets no thumbnails"
    )
    banned_words_file: Path | None = Field(
        None, description="File of words that prompts must not contain, one a line; read again when it changes"
    )
    translator_url: str | None = Field(None, description="Base URL of an OpenAI-compatible API that translates prompts")
    translator_key: SecretStr | None = Field(None, description="API key for the translator")
    translator_model: str = Field("gpt-4o-mini", description="Model that translates")
    translator_timeout_seconds: float = Field(20, gt=0, description="Time limit for a translation")
    max_transfer_bytes: int = Field(
        ClientSettings().max_transfer_bytes,
        ge=MIB,
        description="Largest picture or film that is fetched from Discord",
    )
    media_max_age_days: float | None = Field(None, gt=0, description="How many days pictures are kept; unset: for ever")
    media_max_bytes: int | None = Field(
        None, ge=1, description="Maximum disk space for pictures; the oldest are deleted first. Unset: no limit"
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )
    log_max_bytes: int = Field(
        LogSize().max_bytes,
        ge=1024,
        description="Size at which `midway stack` starts a new log file; each of its programs has its own",
    )
    log_files: int = Field(
        LogSize().files, ge=1, description="How many log files are kept for each program; the oldest are deleted"
    )

    @field_validator("api_keys", "cors_origins", "webhook_allow_hosts", "dns_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(map(_stripped, value)) if isinstance(value, list | tuple) else value

    @field_validator("api_keys")
    @classmethod
    def _usable_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        # A blank key would leave a server open that its operator believes to be protected.
        for number, key in enumerate(keys, 1):
            if not is_usable_key(key.get_secret_value()):
                raise ValueError(f"key {number} is blank, or holds more than plain ASCII characters")
        return keys

    @field_validator("envoy_secret")
    @classmethod
    def _plain_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        # A % is special to Envoy, and a quote to YAML.
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

    @model_validator(mode="after")
    def _usable_webhook(self) -> "Settings":
        if len(self.notify_url) > self.max_notify_url_characters:
            raise ValueError("MIDWAY_NOTIFY_URL is longer than MIDWAY_MAX_NOTIFY_URL_CHARACTERS")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments (tests), environment, midway.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

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
        """Build the limits on decoding."""
        return DecoderRules(
            processes=self.decode_processes,
            time=timedelta(seconds=self.decode_seconds),
            memory_bytes=self.decode_memory_bytes,
            max_pixels=self.thumbnail_pixels,
        )

    @property
    def uses_simulator(self) -> bool:
        """Whether the simulator is used instead of Discord."""
        return self.simulator_url is not None

    @property
    def shown_by_envoy(self) -> str:
        """The secret by which the server recognises Envoy; "" if there is none."""
        return self.envoy_secret.get_secret_value() if self.envoy_secret else ""

    @property
    def server_address(self) -> str:
        """The gRPC address that the client commands call."""
        return self.server or address(reachable(self.host), self.grpc_port)

    @property
    def rest_port(self) -> int:
        """The port of the server's HTTP behind Envoy; 0 (any free one) if the gRPC port is 0, too."""
        if self.rest_backend_port is not None:
            return self.rest_backend_port
        return self.grpc_port + 1 if 0 < self.grpc_port < LAST_PORT else 0

    def account_configs(self) -> list[AccountConfig]:
        """Build the Accounts' configurations; with the simulator and no accounts set, those of its demo accounts."""
        if self.accounts or not self.uses_simulator:
            return [account.config(self.proxy) for account in self.accounts]
        return [simulator_account(number).config(self.proxy) for number in range(1, self.simulator_accounts + 1)]

    @property
    def proxy(self) -> Proxy | None:
        """The proxy for Accounts that have none of their own, and for requests that belong to no Account."""
        return proxy_of(self.discord_proxy)

    def engine_limits(self) -> Limits:
        """Build the engine's limits. With the simulator there is no pace by default: it has no abuse detection."""
        return self.limits(default_pace=timedelta(0) if self.uses_simulator else Limits().pace)


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
    """Return the settings file: MIDWAY_CONFIG, else midway.toml in the working directory."""
    return Path(os.environ.get("MIDWAY_CONFIG") or DEFAULT_FILE)


def load_settings() -> Settings:
    """Read the settings. Raises SettingsInvalid, which lists every mistake with the setting's name."""
    file = config_file()
    if "MIDWAY_CONFIG" in os.environ and not file.is_file():
        raise SettingsInvalid(f"MIDWAY_CONFIG: there is no file {file}")
    try:
        return Settings()
    except ValidationError as err:
        raise SettingsInvalid("\n".join(_mistakes(err, file))) from None
    except SettingsError as err:
        raise SettingsInvalid(str(err)) from None
    except (OSError, ValueError, RecursionError) as err:  # RecursionError: deeply nested brackets
        raise SettingsInvalid(f"{file}: {err}") from None


def _mistakes(err: ValidationError, file: Path) -> list[str]:
    return [_mistake(".".join(str(part) for part in one["loc"]), one["type"], one["msg"], file) for one in err.errors()]


def _mistake(name: str, kind: str, message: str, file: Path) -> str:
    message = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        # Do not quote it if it is not a valid name: it may be a misplaced secret, such as a token.
        return f"{file}: unknown setting" + (f" {name!r}" if _NAME.fullmatch(name) else ", which is no name")
    if not name:
        return message
    if name not in Settings.model_fields:
        return f"{name}: {message}"
    return f"MIDWAY_{name.upper()} (or {name} in {file}): {message}"
