"""Random interleavings of identical prompts against cores alone; `make interleavings` plays many more."""

import pytest
from midway.domain.lifecycle import Succeeded
from midway.engine.core.effects import Change
from midway.engine.core.ledger import Ledger
from midway.store.port import Entry

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


def test_a_defect_in_the_core_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core fails the Task and goes on, so that no promise but the log tells of it."""
    change = Ledger.change

    def broken(ledger: Ledger, wanted: Change) -> Entry | None:
        if any(isinstance(event, Succeeded) for event in wanted.events):
            raise KeyError("a defect")
        return change(ledger, wanted)

    monkeypatch.setattr(Ledger, "change", broken)

    assert "a defect" in play(1, 1).broken[1]
    assert "a defect" in explain(1)
