"""Which changes of a Task are sent to its webhook, by the states that clients of the old API know."""

from midway.domain.task import State, Task

NOT_YET_TAKEN = frozenset({State.QUEUED, State.AWAITING_INPUT})


def told_state(task: Task) -> State:
    """Return the state as old clients see it: they have no state for SUBMITTING.

    Once Discord has accepted a Task's first Interaction, it stays SUBMITTED while its modal's answer is being sent.
    """
    if task.state is not State.SUBMITTING:
        return task.state
    return State.SUBMITTED if task.started_at else State.QUEUED


def deserves_notice(before: Task, after: Task) -> bool:
    """Tell whether a change is posted: one of state, progress, picture or failure has changed.

    Nothing is posted before Discord has accepted the Task. After its end only a late result is, once.
    """
    if before.state.is_terminal:
        return after.late and not before.late
    if told_state(before) in NOT_YET_TAKEN and told_state(after) in NOT_YET_TAKEN:
        return False
    return _told(before) != _told(after)


def _told(task: Task) -> tuple[object, ...]:
    picture = task.image.unsigned_url if task.image else ""  # a new signature is not a change
    return told_state(task), task.progress, picture, task.failure
