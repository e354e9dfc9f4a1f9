"""What becomes of stored times when the machine's wall clock is set: what is unfinished keeps the time it has left.

A clock that was set tells another time for the moment at which the machine was started. Time that passes, asleep or
switched on, moves that moment not at all.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.task import Task

SMALLEST_STEP = timedelta(seconds=1)  # less is the error of looking at two clocks, or of no account


class Boot(Struct, frozen=True):
    """One run of the machine, and when it began by the wall clock as it goes now; aware, UTC."""

    id: str
    began_at: datetime


def step_between(before: Boot | None, after: Boot) -> timedelta:
    """Return by how much the clock was set in between: 0 where it was not, or where two boots leave nothing to tell."""
    if before is None or before.id != after.id:
        return timedelta(0)
    step = after.began_at - before.began_at
    return step if abs(step) >= SMALLEST_STEP else timedelta(0)


def redated(task: Task, by: timedelta) -> Task:
    """Return an unfinished Task with its times as the clock tells them that was set by so much."""
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
    """Do the same with an Attempt."""
    return replace(
        attempt,
        sent_at=attempt.sent_at + by,
        accepted_at=_moved(attempt.accepted_at, by),
        ended_at=_moved(attempt.ended_at, by),
    )


def _moved(time: datetime | None, by: timedelta) -> datetime | None:
    return None if time is None else time + by
