"""Whether an Attempt's job could have made a message, and whether messages of two jobs can be told apart."""

from datetime import timedelta

from midway.domain.action import TRAITS, Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, time_of_snowflake
from midway.engine.core.keys import Keys

LONGEST_WAY = timedelta(seconds=30)  # from storing an Attempt to its arrival at Discord: the time-out of its POST
CLOCK_SKEW = timedelta(seconds=30)  # the largest difference between Discord's clock and ours
PICTURE_PICK = "MJ::JOB::upsample::"  # custom id of U1-U4


def could_be(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether a message could be of an Attempt's job: kind of message, picked index, and `could_have_made`."""
    return (
        keys.verb in _verbs(attempt)
        and (keys.pick_index is None or attempt.index is None or keys.pick_index == attempt.index)
        and could_have_made(keys, attempt)
    )


def could_have_made(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether bot, age and Interaction match, and the Attempt's job id is not known yet."""
    return (
        attempt.job_id is None
        and (keys.bot is None or keys.bot is attempt.bot)
        # An older message is of an earlier job, perhaps with the same prompt.
        and _is_younger(keys, attempt)
        and may_have_made(attempt, keys.interaction_id)
    )


def may_have_made(attempt: Attempt, interaction_id: InteractionId | None) -> bool:
    """Tell whether the Interaction of a message may be an Attempt's; True when the message names none.

    Only if the Attempt's Interaction is not known yet, and this one was made while the Attempt was on its way to
    Discord; a later one is another session's.
    """
    if interaction_id is None or attempt.interaction_id is not None:
        return interaction_id is None
    arrived_by = attempt.accepted_at or attempt.sent_at + LONGEST_WAY
    return attempt.sent_at - CLOCK_SKEW < time_of_snowflake(interaction_id) < arrived_by + CLOCK_SKEW


def _verbs(attempt: Attempt) -> frozenset[Verb]:
    """Return the kinds of message that its job may make; of a pick, grids only if it picks a video."""
    verbs = TRAITS[attempt.action].verbs
    return verbs - {Verb.GRID} if attempt.custom_id.startswith(PICTURE_PICK) else verbs


def _is_younger(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether the message is younger than the Attempt: by Discord's ids, else by the two clocks."""
    if attempt.interaction_id is not None:
        return int(keys.message_id) > int(attempt.interaction_id)
    return keys.created_at is None or keys.created_at > attempt.sent_at - CLOCK_SKEW


def read_the_same(one: Keys, other: Keys) -> bool:
    """Tell whether two messages differ in nothing but their ids."""
    if one.bot is not other.bot or one.verb is not other.verb:
        return False
    return one.parent_message_id == other.parent_message_id and one.prompt_key == other.prompt_key


def look_the_same(one: Attempt, other: Attempt) -> bool:
    """Tell whether the messages of two Tasks' Attempts could not be told apart without ids."""
    if one.task_id == other.task_id or one.bot is not other.bot:
        return False
    verbs = _verbs(one) & _verbs(other)
    if not verbs or (verbs == {Verb.PICK} and one.index != other.index):
        return False
    same_parent = one.parent_message_id is not None and one.parent_message_id == other.parent_message_id
    return same_parent or (bool(one.prompt_key) and one.prompt_key == other.prompt_key)
