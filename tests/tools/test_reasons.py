"""Every exception to a rule of the linters says why."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCEPTION = re.compile(r"# (?:noqa|type: ignore)\b(?P<rest>.*)$")
WITH_REASON = re.compile(r"(?:: [A-Z]+\d+(?:, [A-Z]+\d+)*|\[[a-z-]+(?:, [a-z-]+)*\]) *(?:-+|#) *\S")


def sources() -> list[str]:
    """List our own Python files."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if not path.startswith(("generated/", "tests/clients/"))]


def unexplained(text: str) -> list[str]:
    """Return the lines with an exception that names no rule or no reason."""
    found = ((line, EXCEPTION.search(line)) for line in text.splitlines())
    return [line for line, match in found if match and not WITH_REASON.match(match["rest"])]


@pytest.mark.parametrize(
    ("line", "is_explained"),
    [
        ("x = 1  # noqa: E501 - a table", True),
        ("x = 1  # noqa: E501, F401 - a table", True),
        ("x = y  # type: ignore[arg-type]  # by name", True),
        ("x = 1  # noqa: E501", False),
        ("x = y  # type: ignore[arg-type]", False),
        ("x = y  # type: ignore  # by name", False),
    ],
)
def test_an_exception_has_its_rule_and_its_reason(line: str, is_explained: bool) -> None:
    assert (unexplained(line) == []) is is_explained


def test_all_of_ours_are_explained() -> None:
    ours = [path for path in sources() if path != Path(__file__).relative_to(ROOT).as_posix()]

    assert [f"{path}: {line.strip()}" for path in ours for line in unexplained((ROOT / path).read_text("utf-8"))] == []
