"""`make fuzz` finds, keeps the shortest case of each finding, and goes on."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.fuzz import hunt
from tests.fuzz.cases import Tape
from tests.fuzz.hunt import Hunt
from tests.fuzz.target import Target
from tests.support.processes import PATIENCE_SECONDS


def fragile(case: bytes) -> None:
    if b"x" in case:
        raise LookupError
    if b"y" in case:
        raise ValueError("named")


def test_of_what_is_raised_the_shortest_case_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hunt, "FOUND", tmp_path)
    target = Target("fragile", lambda tape: b"axybz"[tape.number(3) : 3 + tape.number(3)], fragile, (ValueError,))
    here = Hunt(target, "hand", seconds=0)

    for tape in (b"\0\2", b"\1\0", b"\2\2", b"\0\1"):
        here.play(tape)

    [(what, file)] = here.report.findings.items()
    assert what.startswith("LookupError")
    assert Path(file).read_bytes() == b"xy"
    assert here.report.cases == 4


def test_a_tape_that_has_ended_goes_on_the_same_way():
    assert [Tape(b"").number(100_000), Tape(b"\1").number(300)] == [0, 256 % 300]


def test_a_hunt_in_a_process_of_its_own_tells_what_it_did():
    command = (sys.executable, "-m", "tests.fuzz.hunt", "base64", "0.1")
    told = subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=True).stdout

    report = orjson.loads(told.splitlines()[-1])
    assert report["cases"] > 0
    assert report["findings"] == {}
