"""The table of what can go wrong, in tests/faults/README.md: every fault, every trigger word, tests that exist."""

import re
from pathlib import Path

import pytest
from discord_simulator.bot.triggers import MODIFIERS, TRIGGERS
from discord_simulator.faults.registry import FAULTS

TESTS = Path(__file__).parents[1]
PAGE = (TESTS / "faults" / "README.md").read_text("utf-8")
TABLE = PAGE.partition("| what goes wrong |")[2].partition("\n\n")[0]
SHOWN_BY = [name for row in TABLE.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[3])]
FUNCTION = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
SCENARIO = re.compile(r"^- name: (\S+)$", re.MULTILINE)
EXISTING = {name for path in TESTS.rglob("test_*.py") for name in FUNCTION.findall(path.read_text("utf-8"))}
EXISTING |= {name for path in TESTS.rglob("cases/*.yaml") for name in SCENARIO.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize("name", [*FAULTS, *TRIGGERS, *MODIFIERS])
def test_everything_that_the_simulator_can_do_wrong_is_in_the_table(name):
    assert f"`{name}`" in TABLE


@pytest.mark.parametrize("name", sorted(set(SHOWN_BY)))
def test_every_test_that_the_table_names_exists(name):
    assert name in EXISTING


def test_every_line_of_the_table_names_a_test():
    rows = TABLE.splitlines()[2:]
    assert len(rows) > 20
    assert [row for row in rows if "`" not in row.split("|")[3]] == []
