"""States and Actions by their old API names."""

from midway.domain.action import Action
from midway.domain.notice import told_state
from midway.domain.task import State, Task

STATUSES: dict[State, str] = {
    State.QUEUED: "NOT_START",
    State.AWAITING_INPUT: "MODAL",
    State.SUBMITTING: "NOT_START",
    State.SUBMITTED: "SUBMITTED",
    State.IN_PROGRESS: "IN_PROGRESS",
    State.SUCCEEDED: "SUCCESS",
    State.FAILED: "FAILURE",
    State.CANCELLED: "FAILURE",  # clients know no other final status for it, and would poll for ever
}

# All other names are the same.
RENAMED_ACTIONS: dict[Action, str] = {Action.VARY_REGION: "INPAINT", Action.PRESS: "ACTION"}


def status_from(task: Task) -> str:
    """Return a Task's old status."""
    return STATUSES[told_state(task)]


def action_name(action: Action) -> str:
    """Return the old name of an Action."""
    return RENAMED_ACTIONS.get(action, action.value)
