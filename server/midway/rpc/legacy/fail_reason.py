"""Why a Task failed, as old clients show it to end users: without the operator's accounts, channels and network."""

import re

from midway.domain.errors import Reason
from midway.domain.task import State, Task
from midway.rpc.legacy import texts

# Reasons that concern the Account and not the Task. Midjourney's own words are passed on; ours name the Account, which
# only the operator should see.
ABOUT_THE_ACCOUNT = frozenset(
    {
        Reason.ACCOUNT_UNAVAILABLE,
        Reason.ACCOUNT_PAUSED,
        Reason.ACCOUNT_INVALID,
        Reason.CREDITS_EXHAUSTED,
        Reason.VERIFICATION_REQUIRED,
    }
)
SHORTEST_ID = 17  # digits, as Discord's ids; a shorter Account id may be a common word
# Mentions of users, channels and roles, and links into a server, as Discord writes them.
_PLACES = re.compile(r"<(?:@[!&]?|#)\d+>|\bhttps?://(?:[\w-]+\.)?discord(?:app)?\.com/channels/[\w@/-]*", re.IGNORECASE)


def fail_reason(task: Task) -> str | None:
    """Return why a Task failed, else None. Clients refund when there is a reason, and without one wait for ever."""
    if task.state is State.CANCELLED:
        return texts.CANCELLED
    if task.failure is None:
        return None
    failure = task.failure
    if failure.reason in ABOUT_THE_ACCOUNT and not failure.upstream_title:
        return texts.ACCOUNT_UNAVAILABLE
    message, title = failure.message or failure.reason.value, failure.upstream_title
    return _without_places(message if title in message else f"[{title}] {message}", task) or failure.reason.value


def _without_places(text: str, task: Task) -> str:
    text = _PLACES.sub("…", text)
    for place in (task.account_id, task.channel_id):
        if place and len(place) >= SHORTEST_ID:
            text = text.replace(place, "…")
    return text.strip()
