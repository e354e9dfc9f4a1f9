"""`make check` begins with the tests of what changed, and runs what CI runs."""

import re
from pathlib import Path

import pytest

from tools.changed_tests import TESTS, paths_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["server/midway/store/watch.py"], ["tests/store"]),
        (["server/midway/rpc/legacy/asks.py"], ["tests/legacy"]),
        (["server/midway/rpc/auth.py", "tests/rpc/test_keys.py"], ["tests/rpc"]),
        (["tests/rpc/test_keys.py"], ["tests/rpc/test_keys.py"]),
        (["tests/support/rig.py", "Makefile"], ["tests/support"]),
        (["Makefile"], []),
    ],
)
def test_a_change_has_its_tests(changed: list[str], tests: list[str]) -> None:
    assert paths_for(changed, exists=changed) == tests


def test_a_test_that_is_gone_is_its_folders() -> None:
    assert paths_for(["tests/rpc/test_gone.py"]) == ["tests/rpc"]


def test_every_room_of_the_server_has_a_row() -> None:
    rooms = {path.name for path in (ROOT / "server" / "midway").iterdir() if (path / "__init__.py").exists()}

    assert rooms == {row.split("/")[2] for row in TESTS if row.startswith("server/midway/")}


def test_every_row_leads_to_tests() -> None:
    assert [folder for folders in TESTS.values() for folder in folders if not (ROOT / folder).is_dir()] == []


def test_check_runs_what_ci_runs() -> None:
    in_ci = re.findall(r"^step \S+ make (\S+)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    recipe = re.search(r"^check: (.*)\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert recipe is not None
    assert [step for step in in_ci if not re.search(rf"\b{step}\b", recipe[0])] == []
