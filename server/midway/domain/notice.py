"""Which changes of a Task are told to its webhook, in the states that clients of the old API know. Pure."""

from midway.domain.task import State, Task

NOT_YET_TAKEN = frozenset({State.QUEUED, State.AWAITING_INPUT})


def told_state(task: Task) -> State:
    """Return the state as old clients see it: sending is not one of theirs.

    A Task whose first Interaction Discord accepted stays SUBMITTED while the answer to its modal is sent.
    """
    if task.state is not State.SUBMITTING:
        return task.state
    return State.SUBMITTED if task.started_at else State.QUEUED


def deserves_notice(before: Task, after: Task) -> bool:
    """Tell whether a change is posted: state, progress, picture or reason is another one.

    Nothing is posted before Discord accepted the Task. After its end only a late result is, once.
    """
    if before.state.is_terminal:
        return after.late and not before.late
    if told_state(before) in NOT_YET_TAKEN and told_state(after) in NOT_YET_TAKEN:
        return False
    return _told(before) != _told(after)


def _told(task: Task) -> tuple[object, ...]:
    picture = task.image.unsigned_url if task.image else ""  # signed anew it is the same one
    return told_state(task), task.progress, picture, task.failure
