"""Could an Attempt's job have made a message? Can two messages, or those of two Attempts, be told apart?"""

from datetime import timedelta

from midway.domain.action import TRAITS, Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, time_of_snowflake
from midway.engine.core.keys import Keys

LONGEST_WAY = timedelta(seconds=30)  # from storing an Attempt to Discord's having it: the time-out of its POST
CLOCK_SKEW = timedelta(seconds=30)  # at most, between Discord's clock and ours
PICTURE_PICK = "MJ::JOB::upsample::"  # custom id of U1-U4


def could_be(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether nothing speaks against it: kind of message, picked index, and whatever tells jobs apart."""
    return (
        keys.verb in _verbs(attempt)
        and (keys.pick_index is None or attempt.index is None or keys.pick_index == attempt.index)
        and could_have_made(keys, attempt)
    )


def could_have_made(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether bot, age and Interaction fit, and no other job is known."""
    return (
        attempt.job_id is None
        and (keys.bot is None or keys.bot is attempt.bot)
        # A message that lay in the channel before was made by an earlier job, perhaps of the same prompt.
        and _is_younger(keys, attempt)
        and may_have_made(attempt, keys.interaction_id)
    )


def may_have_made(attempt: Attempt, interaction_id: InteractionId | None) -> bool:
    """Tell whether an interaction that a message names may be the Attempt's, which knows of none yet.

    It must have been made while the Attempt was on its way: what came later is another session's.
    """
    if interaction_id is None or attempt.interaction_id is not None:
        return interaction_id is None
    arrived_by = attempt.accepted_at or attempt.sent_at + LONGEST_WAY
    return attempt.sent_at - CLOCK_SKEW < time_of_snowflake(interaction_id) < arrived_by + CLOCK_SKEW


def _verbs(attempt: Attempt) -> frozenset[Verb]:
    """Return the kinds of message that its job may show; a pick looks like a grid only when it picks a video."""
    verbs = TRAITS[attempt.action].verbs
    return verbs - {Verb.GRID} if attempt.custom_id.startswith(PICTURE_PICK) else verbs


def _is_younger(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether the message came after the Attempt: by Discord's own order of ids, else by the two clocks."""
    if attempt.interaction_id is not None:
        return int(keys.message_id) > int(attempt.interaction_id)
    return keys.created_at is None or keys.created_at > attempt.sent_at - CLOCK_SKEW


def read_the_same(one: Keys, other: Keys) -> bool:
    """Tell whether nothing but ids tells two messages apart."""
    if one.bot is not other.bot or one.verb is not other.verb:
        return False
    return one.parent_message_id == other.parent_message_id and one.prompt_key == other.prompt_key


def look_the_same(one: Attempt, other: Attempt) -> bool:
    """Tell whether messages of two Tasks' Attempts could not be told apart without an id."""
    if one.task_id == other.task_id or one.bot is not other.bot:
        return False
    verbs = _verbs(one) & _verbs(other)
    if not verbs or (verbs == {Verb.PICK} and one.index != other.index):
        return False
    same_parent = one.parent_message_id is not None and one.parent_message_id == other.parent_message_id
    return same_parent or (bool(one.prompt_key) and one.prompt_key == other.prompt_key)
