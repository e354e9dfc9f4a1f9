"""States and Actions in the old API's words."""

from midway.domain.action import Action
from midway.domain.task import State

STATUSES: dict[State, str] = {
    State.QUEUED: "NOT_START",
    State.AWAITING_INPUT: "MODAL",
    State.SUBMITTING: "NOT_START",
    State.SUBMITTED: "SUBMITTED",
    State.IN_PROGRESS: "IN_PROGRESS",
    State.SUCCEEDED: "SUCCESS",
    State.FAILED: "FAILURE",
    State.CANCELLED: "FAILURE",  # clients know no other end, and would ask for ever
}

# The names are the same but for two.
RENAMED_ACTIONS: dict[Action, str] = {Action.VARY_REGION: "INPAINT", Action.PRESS: "ACTION"}


def status_from(state: State) -> str:
    """Return the old status of a state."""
    return STATUSES[state]


def action_name(action: Action) -> str:
    """Return the old name of an Action."""
    return RENAMED_ACTIONS.get(action, action.value)
