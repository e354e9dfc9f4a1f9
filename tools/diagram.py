"""Draws the Task life cycle into ARCHITECTURE.md, from the table that the server runs.

Usage: python tools/diagram.py [--check]   (--check writes nothing and fails when the drawing is old)
"""

import sys
from pathlib import Path

from midway.domain.lifecycle import diagram

PAGE = Path(__file__).parent.parent / "ARCHITECTURE.md"
BEGIN = "<!-- life cycle: written by `make diagram` -->"
END = "<!-- life cycle: end -->"


def redrawn(page: str) -> str:
    """Return the page with the drawing between its two markers made anew.

    Raises ValueError when a marker is missing; put both where the drawing belongs.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN} and {END}")
    drawing = "\n".join(diagram())
    return f"{head}{BEGIN}\n```mermaid\n{drawing}\n```\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check tell whether it is up to date; return the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = redrawn(page)
    if "--check" in arguments:
        if page != wanted:
            print(f"{PAGE.name}: the life cycle changed; run make diagram", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
