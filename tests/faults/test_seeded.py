"""A few whole runs of the seeded workload; `make faults` plays more of them."""

from pathlib import Path

import pytest

from tests.faults.seeded.guarantees import breaches
from tests.faults.seeded.plan import plan_from
from tests.faults.seeded.run import play

SEEDS = (1, 2, 3, 5)  # kills at boundaries, an account lost, identical prompts, cancelled tasks


@pytest.mark.timeout(1000)  # seconds; a run that hangs ends by itself before, and says what hung
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_guarantee_holds_in_this_run(seed: int, tmp_path: Path) -> None:
    """Clients, webhooks, faults and kills drawn from the seed."""
    evidence = await play(plan_from(seed), tmp_path)

    assert not [str(breach) for breach in breaches(evidence)]


def test_a_seed_always_gives_the_same_plan() -> None:
    """Otherwise no run could be looked at again."""
    assert plan_from(7) == plan_from(7) != plan_from(8)
