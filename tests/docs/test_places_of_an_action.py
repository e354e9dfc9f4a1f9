"""ARCHITECTURE.md, "Adding an Action": each place and each test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Adding an Action\n")[2].partition("\n## ")[0]
ROWS = [row.split("|") for row in re.findall(r"^\| \d+ \|.*$", SECTION, re.MULTILINE)]


@pytest.mark.parametrize("row", ROWS, ids=[row[1].strip() for row in ROWS])
def test_each_place_is_there(row: list[str]) -> None:
    first, *others = re.findall(r"`([\w/.]+)`", row[2])
    folder = (ROOT / first).parent if (ROOT / first).is_file() else ROOT / first

    assert (ROOT / first).exists()
    assert [other for other in others if not (folder / other).exists()] == []


@pytest.mark.parametrize("row", ROWS, ids=[row[1].strip() for row in ROWS])
def test_each_place_is_told_when_it_is_forgotten(row: list[str]) -> None:
    [by] = re.findall(r"`([\w/.]+)`|(mypy)", row[4])

    assert "mypy" in by or (ROOT / by[0]).is_file()


def test_the_places_are_few() -> None:
    assert [int(row[1]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) <= 10
