"""Random interleavings of identical prompts against cores alone; `make interleavings` plays many more."""

import pytest

from tests.engine.interleavings.chunk import explain, play

SEEDS = 2000  # of each part; ten parts, so that several processes share them


@pytest.mark.parametrize("part", range(10))
def test_every_promise_holds_whatever_happens_in_which_order(part: int) -> None:
    """No picture on a wrong Task, nothing sent twice, every Task ends, and the others that `run` names."""
    outcome = play(1 + part * SEEDS, SEEDS)

    assert not outcome.broken, explain(min(outcome.broken))
    assert outcome.ends["SUCCEEDED"] > SEEDS, "most of them"


def test_a_seed_always_plays_the_same() -> None:
    """Otherwise no run could be looked at again."""
    assert explain(7) == explain(7) != explain(8)
