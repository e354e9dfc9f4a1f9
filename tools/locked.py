"""Reads the lock files in requirements/: every installed distribution, with its version and hashes."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "requirements"
RUNTIME = ("runtime", "python313")  # what a running Midway has
DEVELOPMENT = ("build", "dev")  # what builds, checks and tests it
_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<rest>(?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked distribution; `hashes` are SHA-256 of its files, in hexadecimal."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(files: tuple[str, ...]) -> list[Pin]:
    """Read these lock files; return each distribution once, sorted by name."""
    found = {pin.name: pin for file in files for pin in _read(FOLDER / f"{file}.txt")}
    return [found[name] for name in sorted(found)]


def _read(file: Path) -> list[Pin]:
    matches = _PIN.finditer(file.read_text(encoding="utf-8"))
    return [Pin(one["name"], one["version"], tuple(_HASH.findall(one["rest"]))) for one in matches]
