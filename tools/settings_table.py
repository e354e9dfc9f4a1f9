"""Writes the settings tables into README.md, from the settings that the server reads.

Usage: python tools/settings_table.py [--check]   (--check writes nothing and fails when the table is old)
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from midway.app.account_settings import AccountSettings
from midway.app.door_settings import DoorSettings
from midway.app.limit_settings import LimitSettings
from midway.app.outgoing_settings import OutgoingSettings
from midway.app.settings import Settings

PAGE = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- settings: written by `make settings` -->"
END = "<!-- settings: end -->"
ACCOUNTS_BEGIN = "<!-- settings of an account: written by `make settings` -->"
ACCOUNTS_END = "<!-- settings of an account: end -->"
HEAD = ("| setting | default | what it does |", "|---|---|---|")


def account_table() -> Iterable[str]:
    """Yield one row for each setting of an account."""
    yield from HEAD
    for name, field in AccountSettings.model_fields.items():
        default = "(required)" if field.is_required() else _shown(field.default)
        yield f"| `{name}` | {default} | {field.description} |"


def table() -> Iterable[str]:
    """Yield one row for each setting; outgoing requests, the server's limits and the engine's limits come last."""
    yield from HEAD
    bounds = (LimitSettings.model_fields, DoorSettings.model_fields, OutgoingSettings.model_fields)
    names = sorted(Settings.model_fields, key=lambda name: [name in fields for fields in bounds])
    for name in names:
        field = Settings.model_fields[name]
        yield f"| `MIDWAY_{name.upper()}` | {_shown(field.default)} | {field.description} |"


def redrawn(page: str) -> str:
    """Return the page with both tables regenerated. Raises ValueError when a marker is missing."""
    page = _with_table(page, account_table(), ACCOUNTS_BEGIN, ACCOUNTS_END)
    return _with_table(page, table(), BEGIN, END)


def _with_table(page: str, rows: Iterable[str], first: str, last: str) -> str:
    head, begin, rest = page.partition(first)
    _, end, tail = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {first} and {last}")
    return "\n".join([head + first, *rows, last + tail])


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
