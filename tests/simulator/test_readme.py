"""The simulator's page names everything that can be asked of it."""

from pathlib import Path

import pytest
from discord_simulator import control
from discord_simulator.faults.registry import FAULTS

README = (Path(__file__).parents[2] / "simulator" / "README.md").read_text(encoding="utf-8")
CONTROL_PATHS = sorted({route.path for route in control.routes if hasattr(route, "path")})


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_is_in_the_table(name: str):
    assert f"`{name}`" in README


@pytest.mark.parametrize("path", CONTROL_PATHS)
def test_every_control_path_is_in_the_table(path: str):
    assert path.replace("{number}", "N") in README
