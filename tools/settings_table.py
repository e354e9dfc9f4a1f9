"""Writes the settings table into README.md, from the settings that the server reads.

Usage: python tools/settings_table.py [--check]   (--check writes nothing and fails when the table is old)
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from midway.app.door_settings import DoorSettings
from midway.app.limit_settings import LimitSettings
from midway.app.outgoing_settings import OutgoingSettings
from midway.app.settings import Settings

PAGE = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- settings: written by `make settings` -->"
END = "<!-- settings: end -->"


def table() -> Iterable[str]:
    """Yield one row for each setting; what goes out, the doors' bounds and the engine's limits come last."""
    yield "| setting | default | what it does |"
    yield "|---|---|---|"
    bounds = (LimitSettings.model_fields, DoorSettings.model_fields, OutgoingSettings.model_fields)
    names = sorted(Settings.model_fields, key=lambda name: [name in fields for fields in bounds])
    for name in names:
        field = Settings.model_fields[name]
        yield f"| `MIDWAY_{name.upper()}` | {_shown(field.default)} | {field.description} |"


def redrawn(page: str) -> str:
    """Return the page with the table between its two markers made anew. Raises ValueError when a marker is missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN} and {END}")
    rows = "\n".join(table())
    return f"{head}{BEGIN}\n{rows}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check tell whether it is up to date; return the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = redrawn(page)
    if "--check" in arguments:
        if page != wanted:
            print(f"{PAGE.name}: the settings changed; run make settings", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default in (None, "", ()) else str(default)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
