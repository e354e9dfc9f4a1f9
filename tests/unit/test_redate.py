"""What becomes of stored times when the clock is set: what is unfinished keeps the time it has left."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from midway.domain.action import Speed
from midway.domain.attempt import Attempt
from midway.domain.clock_step import Boot, redated, redated_attempt, step_between
from midway.domain.task import UNFINISHED, Remark, State, Task
from midway.engine.core.deadline import deadline
from midway.engine.limits import Limits
from msgspec.structs import asdict, replace

from tests.unit.making import NOW, a_task, an_attempt, seconds

LIMITS = Limits()
STEPS = [timedelta(days=3), timedelta(hours=-2)]


def a_full_task() -> Task:
    """Make a Task that knows every time."""
    return replace(
        a_task(),
        updated_at=NOW + seconds(6),
        state_since=NOW + seconds(2),
        started_at=NOW + seconds(3),
        progressed_at=NOW + seconds(4),
        input_deadline=NOW + seconds(5),
        remark=Remark.UNKNOWN,
        remarked_at=NOW + seconds(6),
    )


def a_full_attempt() -> Attempt:
    """Make an Attempt that knows every time."""
    return an_attempt(accepted_at=NOW + seconds(1), ended_at=NOW + seconds(2))


def times(value: Task | Attempt) -> dict[str, datetime]:
    """Return its times by their names."""
    return {name: each for name, each in asdict(value).items() if isinstance(each, datetime)}


def everything_else(value: Task | Attempt) -> dict[str, Any]:
    """Return what is no time."""
    return {name: each for name, each in asdict(value).items() if name not in times(value)}


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_every_time_moves_and_nothing_else(step: timedelta):
    for before, after in (
        (a_full_task(), redated(a_full_task(), step)),
        (a_full_attempt(), redated_attempt(a_full_attempt(), step)),
    ):
        assert times(after) == {name: time + step for name, time in times(before).items()}
        assert everything_else(after) == everything_else(before)


def test_times_that_are_not_known_stay_so():
    assert times(redated(a_task(), STEPS[0])).keys() == times(a_task()).keys()
    assert times(redated_attempt(an_attempt(), STEPS[0])).keys() == times(an_attempt()).keys()


def test_no_time_of_a_task_or_an_attempt_is_forgotten():
    """A field that is added later is to move as well; of an unfinished Task there is no end."""
    fields = {name for name, kind in Task.__annotations__.items() if "datetime" in str(kind)}
    fields_of_attempt = {name for name, kind in Attempt.__annotations__.items() if "datetime" in str(kind)}

    assert times(a_full_task()).keys() == fields - {"finished_at"}
    assert times(a_full_attempt()).keys() == fields_of_attempt


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_each_deadline_is_as_far_away_as_before(state: State, step: timedelta):
    task, attempt = replace(a_full_task(), state=state), an_attempt()
    before = deadline(task, [attempt], LIMITS, Speed.FAST)
    after = deadline(redated(task, step), [redated_attempt(attempt, step)], LIMITS, Speed.FAST)

    assert before is not None
    assert after == replace(before, at=before.at + step)


def test_only_two_looks_at_one_boot_tell_of_a_step():
    before, after = Boot("one", NOW), Boot("one", NOW + timedelta(days=3))

    assert step_between(before, after) == timedelta(days=3)
    assert not step_between(before, replace(after, id="another"))
    assert not step_between(None, after)
