"""The rules of the engine's code: each is told when it is broken, and only then."""

import pytest

from tools.engine_rules import MOST_LINES, MOST_LINES_OF_FILE, broken_rules, main

KEPT = """
import asyncio

class Part:
    size: int

    def __init__(self) -> None:
        self.size: int = 1

    async def wait(self) -> None:
        self.size += 1
"""
BROKEN = {
    "assigned": ("part.size = 1", "part.size is assigned from outside"),
    "assigned deep": ("class A:\n    def a(self):\n        self.b.size = 1", "self.b.size is assigned from outside"),
    "added to": ("part.size += 1", "part.size is assigned from outside"),
    "one of several": ("a, part.size = 1, 2", "part.size is assigned from outside"),
    "without a value": ("class A:\n    def a(self):\n        self.size: int", "self.size has no value"),
    "long": ("def long():\n" + "    pass\n" * MOST_LINES, f"long has {MOST_LINES + 1} lines"),
    "a long file": ("pass\n" * (MOST_LINES_OF_FILE + 1), f"the file has {MOST_LINES_OF_FILE + 1} lines"),
    "waits": ("async def wait(): ...", "wait waits"),
    "imports": ("from asyncio import sleep", "imports asyncio"),
    "knows": ("from midway.engine.worker.worker import Worker", "imports worker"),
    "knows a module": ("from midway.engine import intake", "imports intake"),
    "opens": ("open('a file')", "opens a file"),
}


def test_what_keeps_the_rules_is_not_told() -> None:
    assert list(broken_rules(KEPT, decides=False)) == []


def test_a_file_of_just_so_many_lines_keeps_them() -> None:
    assert list(broken_rules("pass\n" * MOST_LINES_OF_FILE, decides=True)) == []


@pytest.mark.parametrize(("source", "rule"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_told_with_its_line(source: str, rule: str) -> None:
    [told] = broken_rules(source, decides=True)

    line, _, what = told.partition(": ")
    assert int(line) > 0
    assert what == rule


def test_the_engine_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
