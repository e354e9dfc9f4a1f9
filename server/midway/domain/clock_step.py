"""Adjusts stored times when the wall clock is set (stepped): everything unfinished keeps the time it has left.

A step is detected by the boot time, computed as the wall clock minus the time since boot, sleep included. Passing time
does not change it; setting the clock does.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.task import Task

SMALLEST_STEP = timedelta(seconds=1)  # smaller ones are errors of reading two clocks, or do not matter


class Boot(Struct, frozen=True):
    """One boot of the machine: its id, and when it began by the current wall clock (aware, UTC)."""

    id: str
    began_at: datetime


def step_between(before: Boot | None, after: Boot) -> timedelta:
    """Return by how much the clock was set in between; 0 if it was not, or if the boots differ."""
    if before is None or before.id != after.id:
        return timedelta(0)
    step = after.began_at - before.began_at
    return step if abs(step) >= SMALLEST_STEP else timedelta(0)


def redated(task: Task, by: timedelta) -> Task:
    """Return an unfinished Task with its times shifted by the clock's step."""
    return replace(
        task,
        created_at=task.created_at + by,
        updated_at=task.updated_at + by,
        state_since=task.state_since + by,
        started_at=_moved(task.started_at, by),
        progressed_at=_moved(task.progressed_at, by),
        input_deadline=_moved(task.input_deadline, by),
        remarked_at=_moved(task.remarked_at, by),
    )


def redated_attempt(attempt: Attempt, by: timedelta) -> Attempt:
    """Return an Attempt with its times shifted by the clock's step."""
    return replace(
        attempt,
        sent_at=attempt.sent_at + by,
        accepted_at=_moved(attempt.accepted_at, by),
        ended_at=_moved(attempt.ended_at, by),
    )


def _moved(time: datetime | None, by: timedelta) -> datetime | None:
    return None if time is None else time + by
