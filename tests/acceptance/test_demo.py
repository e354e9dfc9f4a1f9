"""`midway demo` shows the main job once, and ends."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.acceptance.client import picture_facts
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import MIDWAY, marked


@pytest.fixture
def demo(tmp_path: Path) -> str:
    """Run it in an empty directory, and return what it printed; it ended well and left nothing running."""
    mark = uuid.uuid4().hex
    done = subprocess.run(
        (*MIDWAY, "demo"),
        env={**os.environ, "TEST_MARK": mark},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert marked(mark) == []
    return done.stdout


def facts(pattern: str) -> list[dict[str, str]]:
    """Read the pictures whose names fit."""
    return [picture_facts(file.read_bytes()) for file in sorted(Path("out/demo").glob(pattern))]


def test_both_doors_leave_a_grid_and_the_second_picture_of_one_is_taken_out(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    grids, (upscale,) = facts("*-grid.png"), facts("*-u2.png")

    assert [grid["quadrant"] for grid in grids] == ["1-4", "1-4"]
    assert len({grid["prompt"] for grid in grids}) == 2
    assert upscale["quadrant"] == "2"
    assert upscale["grid"] in {grid["job"] for grid in grids}
    assert demo.count("out/demo/") == 3
