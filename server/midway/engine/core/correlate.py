"""Finds the Attempt that a message belongs to. Pure functions over what is known of the Account's Attempts.

A message with a nonce that is not ours is of another session (a person using the same Account); all ids in it are
recorded as foreign. Strong keys (ids that belong to one Interaction or job) are tried first, in the order of `STRONG`.
Then two weak keys are tried. They count only when exactly one Task matches, when the message is younger than the
Attempt, and when no other session's job looks the same. There is no guessing between two candidates, neither between
two Tasks for a message nor, among messages that are matched together, between two jobs for an Attempt. `Index.rival`
lets the send queue hold back a Task whose messages would look like those of one in flight.
"""

import re
from collections.abc import Callable

from midway.domain.action import TRAITS, Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import Nonce
from midway.engine.core.attempt_index import Index
from midway.engine.core.compatibility import could_be, could_have_made
from midway.engine.core.keys import Keys

EXTENSION = re.compile(r"MJ::JOB::animate_\w+_extend::")

Finder = Callable[[Keys, Index], Nonce | None]

# In the order they are tried. Each key belongs to one Attempt only, so a hit is certain.
STRONG: tuple[tuple[str, Finder], ...] = (
    ("nonce", lambda keys, index: keys.nonce if keys.nonce in index.by_nonce else None),
    ("interaction", lambda keys, index: index.by_interaction.get(keys.interaction_id) if keys.interaction_id else None),
    ("message", lambda keys, index: index.by_message.get(keys.message_id)),
    ("job", lambda keys, index: index.by_job.get(keys.job_id) if keys.job_id else None),
    ("progress", lambda keys, index: index.unsettled_by_message(keys.parent_message_id)),
)

Fits = Callable[[Keys, Attempt], bool]

# Tried after the strong keys; they count only when exactly one Task fits.
WEAK: tuple[tuple[str, Fits], ...] = (
    ("reply", lambda keys, a: a.parent_message_id is not None and a.parent_message_id == keys.parent_message_id),
    ("prompt", lambda keys, a: bool(keys.prompt_key) and a.prompt_key == keys.prompt_key),
)


def match(keys: Keys, index: Index) -> Attempt | None:
    """Return the Attempt that a message belongs to; None when there is none, or more than one is possible."""
    for _, find in STRONG:
        nonce = find(keys, index)
        if nonce is not None:
            return index.by_nonce.get(nonce)
    if index.is_foreign(keys) or index.may_be_foreign(keys):
        return None
    younger = (attempt for attempt in index.unsettled.values() if not index.is_older(keys, attempt))
    candidates = [attempt for attempt in younger if could_be(keys, attempt)]
    for _, fits in WEAK:
        found = _only_task([attempt for attempt in candidates if fits(keys, attempt)])
        if found:
            return found
    return None


def is_guess(keys: Keys, index: Index) -> bool:
    """Tell whether a message has no strong key of an Attempt, so that only weak keys can match it."""
    return all(find(keys, index) is None for _, find in STRONG)


def press_answered(keys: Keys, index: Index) -> Attempt | None:
    """Return the only open press that a refusal or remark answers by replying to the message with the button.

    Only for messages that are certainly meant for this Account: other people may press the same buttons.
    """
    if keys.parent_message_id is None or index.is_foreign(keys):
        return None
    pressed = (attempt for attempt in index.open() if attempt.parent_message_id == keys.parent_message_id)
    return _only_task([attempt for attempt in pressed if could_have_made(keys, attempt)])


def leaves_trace(attempt: Attempt) -> bool:
    """Tell whether the channel's history alone, by weak keys, would show that an Attempt's job runs.

    Panels, and the start of a film's extension, may be ephemeral and so not in the history. A job without prompt or
    parent looks like any other.
    """
    is_seen_by_all = Verb.PANEL not in TRAITS[attempt.action].verbs and not EXTENSION.match(attempt.custom_id)
    return is_seen_by_all and bool(attempt.prompt_key or attempt.parent_message_id)


def _only_task(attempts: list[Attempt]) -> Attempt | None:
    """Return the newest Attempt if all belong to one Task."""
    return attempts[-1] if len({attempt.task_id for attempt in attempts}) == 1 else None
