"""docs/security.md: every test that it names exists, every attack stands in it, every setting is one."""

import re
from pathlib import Path

import pytest
from midway.app.settings import Settings

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
TABLE = PAGE.partition("| promise | bounded by | shown by |")[2].partition("\n\n")[0]
ROWS = [row.split("|") for row in TABLE.splitlines()[2:]]
FUNCTION = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def names_in(*folders: str) -> set[str]:
    """Name the tests of these folders."""
    files = (path for folder in folders for path in (TESTS / folder).rglob("test_*.py"))
    return {name for path in files for name in FUNCTION.findall(path.read_text("utf-8"))}


def named(column: int) -> set[str]:
    """Names in backticks in one column of the table."""
    return {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[column])}


@pytest.mark.parametrize("name", sorted(named(3)))
def test_every_test_that_the_page_names_exists(name):
    assert name in names_in(".")


def test_every_attack_stands_in_the_page():
    assert names_in("attacks") - named(3) == set()


def test_every_promise_has_a_test():
    assert ROWS
    assert [row for row in ROWS if "`test_" not in row[3]] == []


def test_every_setting_that_the_page_names_is_one():
    settings = {name.removeprefix("MIDWAY_").lower() for name in re.findall(r"`(MIDWAY_[A-Z_]+)`", PAGE)}
    assert settings - set(Settings.model_fields) == set()
