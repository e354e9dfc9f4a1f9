"""The server is killed at each write boundary of sending a Task, and started again on the same directory."""

from pathlib import Path

import pytest

from tests.faults.seeded.guarantees import breaches
from tests.faults.seeded.plan import QUIET, Errand, Plan
from tests.faults.seeded.run import play
from tests.support.mortal import BOUNDARIES

STARTS_OF_A_KILLED_SERVER = 2


def plan_of(boundary: str, *errands: Errand, passing: int = 1) -> Plan:
    """Plan a run whose only incident is the death of the first process at a boundary."""
    return Plan(seed=1, errands=errands, disturbances=(), deaths=(f"{boundary}:{passing}",), webhook_failures=())


@pytest.mark.parametrize("boundary", BOUNDARIES)
async def test_an_imagine_killed_at_this_boundary_ends_with_one_job_and_its_own_picture(
    boundary: str, tmp_path: Path
) -> None:
    """Nothing is lost, nothing is paid twice, and nobody has to ask again."""
    errand = Errand(name="imagine", verb="imagine", prompt="a red fox", account=QUIET)
    evidence = await play(plan_of(boundary, errand), tmp_path)

    assert evidence.starts == STARTS_OF_A_KILLED_SERVER
    assert not breaches(evidence)
    assert [line["what"] for line in evidence.lines("job")] == ["started", "finished"]
    assert len(evidence.pictures) == 1
    assert [task.state.value for task in evidence.tasks.values()] == ["SUCCEEDED"]


@pytest.mark.parametrize("boundary", BOUNDARIES)
async def test_a_pick_killed_at_this_boundary_is_made_once(boundary: str, tmp_path: Path) -> None:
    """The second Interaction of a run is the one that is struck: U2 of a grid that is there."""
    errand = Errand(name="imagine", verb="imagine", prompt="a red fox", account=QUIET, follow_ups=("U2",))
    evidence = await play(plan_of(boundary, errand, passing=2), tmp_path)

    assert evidence.starts == STARTS_OF_A_KILLED_SERVER
    assert not breaches(evidence)
    assert {task.state.value for task in evidence.tasks.values()} == {"SUCCEEDED"}
