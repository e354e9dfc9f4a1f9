"""Whose message it is: each key alone, their order, and every doubt that must end in nobody."""

from typing import Any

import pytest
from midway.domain.action import Action, Bot, Verb
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import MessageId, Nonce
from midway.engine.core.attempt_index import FOREIGN_KEPT, Index
from midway.engine.core.correlate import leaves_trace, match
from midway.engine.core.keys import keys_from_message
from msgspec.structs import replace

from tests.unit.making import JOB, NOW, OTHER_JOB, a_message, an_attempt, interaction, keys, seconds

GRID = MessageId("2000")


def index_of(*attempts: Attempt) -> Index:
    """Make an index of these Attempts."""
    index = Index()
    for attempt in attempts:
        index.put(attempt)
    return index


KNOWN = an_attempt(1, interaction_id=interaction(1), message_ids=(MessageId("4500"),), job_id=JOB)
STRONG: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": KNOWN.nonce},
    "interaction": {"interaction_id": KNOWN.interaction_id},
    "message": {"message_id": MessageId("4500")},
    "job": {"job_id": JOB},
    "progress message replied to": {"parent_message_id": MessageId("4500")},
}


@pytest.mark.parametrize("key", STRONG.values(), ids=STRONG.keys())
def test_a_strong_key_alone_is_enough(key: dict[str, Any]) -> None:
    index = index_of(KNOWN, an_attempt(2))

    assert match(keys(verb=Verb.OTHER, prompt_key="", **key), index) == KNOWN


def test_the_nonce_counts_more_than_every_other_key() -> None:
    second = an_attempt(2)
    index = index_of(KNOWN, second)

    assert match(keys(nonce=second.nonce, job_id=JOB), index) == second


def test_a_settled_attempt_still_owns_its_message() -> None:
    ended = replace(KNOWN, ended_at=NOW, settled=True)

    assert match(keys(message_id=MessageId("4500")), index_of(ended)) == ended


def test_a_reply_to_a_result_is_a_new_jobs() -> None:
    ended = replace(KNOWN, ended_at=NOW, settled=True)

    assert match(keys(parent_message_id=MessageId("4500"), prompt_key=""), index_of(ended)) is None


def test_the_only_attempt_with_this_prompt_is_found() -> None:
    index = index_of(an_attempt(1), an_attempt(2, prompt_key="abluefox"))

    assert match(keys(), index) == an_attempt(1)


def test_two_tasks_with_this_prompt_are_never_guessed_between() -> None:
    assert match(keys(), index_of(an_attempt(1), an_attempt(2))) is None


def test_two_attempts_of_one_task_give_the_newer_one() -> None:
    press = an_attempt(1, kind=AttemptKind.PRESS)
    modal = an_attempt(1, nonce=Nonce("9500"), kind=AttemptKind.MODAL)

    assert match(keys(), index_of(press, modal)) == modal


def test_the_only_press_of_this_parent_is_found() -> None:
    press = an_attempt(1, action=Action.VARIATION, parent_message_id=GRID)
    index = index_of(press, an_attempt(2, action=Action.VARIATION, parent_message_id=MessageId("2001")))

    assert match(keys(verb=Verb.VARY, parent_message_id=GRID), index) == press


def test_two_presses_of_one_parent_are_never_guessed_between() -> None:
    presses = [an_attempt(n, action=Action.VARIATION, parent_message_id=GRID, index=n) for n in (1, 2)]

    assert match(keys(verb=Verb.VARY, parent_message_id=GRID), index_of(*presses)) is None


def test_a_pick_is_told_by_its_index() -> None:
    picks = [an_attempt(n, action=Action.UPSCALE, parent_message_id=GRID, index=n) for n in (1, 2)]

    assert match(keys(verb=Verb.PICK, parent_message_id=GRID, pick_index=2), index_of(*picks)) == picks[1]


UNFIT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another bot": ({"bot": Bot.NIJI}, {}),
    "another kind of message": ({"verb": Verb.PAN}, {}),
    "another job than the one known": ({"job_id": OTHER_JOB}, {"job_id": JOB}),
    "no words": ({"prompt_key": ""}, {"prompt_key": ""}),
    "another interaction than the one known": ({"interaction_id": interaction(7)}, {"interaction_id": interaction(1)}),
    "older than the interaction": ({"message_id": MessageId("3999")}, {"interaction_id": interaction(1)}),
    "older than the sending": ({"created_at": NOW - seconds(60)}, {}),
    "settled": ({}, {"settled": True, "ended_at": NOW}),
}


@pytest.mark.parametrize(("of_message", "of_attempt"), UNFIT.values(), ids=UNFIT.keys())
def test_a_weak_key_does_not_count_against_what_is_known(
    of_message: dict[str, Any], of_attempt: dict[str, Any]
) -> None:
    assert match(keys(**of_message), index_of(an_attempt(1, **of_attempt))) is None


def test_clocks_that_differ_a_little_do_not_lose_a_message() -> None:
    assert match(keys(created_at=NOW - seconds(5)), index_of(an_attempt(1))) == an_attempt(1)


def test_an_attempt_that_timed_out_is_still_a_candidate() -> None:
    timed_out = an_attempt(1, ended_at=NOW)

    assert match(keys(), index_of(timed_out)) == timed_out


def test_a_nonce_that_is_not_ours_is_another_sessions() -> None:
    index = index_of(an_attempt(1))

    assert match(keys(nonce=Nonce("1")), index) is None
    assert index.is_foreign(keys(nonce=Nonce("1")))


@pytest.mark.parametrize(
    "later",
    [{"message_id": MessageId("6000")}, {"interaction_id": interaction(9)}, {"job_id": OTHER_JOB}],
    ids=["message", "interaction", "job"],
)
def test_what_belongs_to_another_sessions_job_is_nobodys(later: dict[str, Any]) -> None:
    index = index_of(an_attempt(1))
    foreign = keys(nonce=Nonce("1"), message_id=MessageId("6000"), interaction_id=interaction(9), job_id=OTHER_JOB)
    index.disown(foreign)

    assert match(keys(**later), index) is None


def test_another_sessions_job_that_looks_like_ours_makes_a_weak_key_worthless() -> None:
    index = index_of(an_attempt(1))
    index.disown(keys(nonce=Nonce("1"), message_id=MessageId("6000")))

    assert match(keys(job_id=OTHER_JOB), index) is None


def test_it_counts_again_once_that_job_is_known() -> None:
    index = index_of(an_attempt(1))
    index.disown(keys(nonce=Nonce("1"), message_id=MessageId("6000")))
    index.disown(keys(message_id=MessageId("6000"), job_id=OTHER_JOB))

    assert match(keys(job_id=JOB), index) == an_attempt(1)


def test_a_strong_key_counts_even_beside_another_sessions_job() -> None:
    index = index_of(KNOWN)
    index.disown(keys(nonce=Nonce("1"), message_id=MessageId("6000")))

    assert match(keys(job_id=JOB), index) == KNOWN


def test_only_so_many_foreign_ids_are_kept() -> None:
    index = Index()
    for number in range(FOREIGN_KEPT + 10):
        index.disown(keys(message_id=MessageId(str(number))))

    assert len(index.foreign) == len(index.foreign_unnamed) == FOREIGN_KEPT
    assert not index.is_foreign(keys(message_id=MessageId("0")))


def test_a_dropped_attempt_is_found_by_none_of_its_keys() -> None:
    index = index_of(KNOWN)
    index.drop(KNOWN)

    for key in STRONG.values():
        assert match(keys(verb=Verb.OTHER, prompt_key="", **key), index) is None


RIVALS: dict[str, tuple[dict[str, Any], bool]] = {
    "the same prompt": ({}, True),
    "another prompt": ({"prompt_key": "abluefox"}, False),
    "another bot": ({"bot": Bot.NIJI}, False),
    "a job that is known": ({"job_id": JOB}, False),
    "the same Task": ({"task_id": an_attempt(1).task_id}, False),
    "one that has ended": ({"ended_at": NOW, "settled": True}, False),
    "another kind of result": ({"action": Action.PAN}, False),
    "a reroll, which may look the same": ({"action": Action.REROLL}, True),
    "no words on either side": ({"prompt_key": ""}, False),
}


@pytest.mark.parametrize(("fields", "is_rival"), RIVALS.values(), ids=RIVALS.keys())
def test_a_task_is_held_while_one_in_flight_would_look_the_same(fields: dict[str, Any], is_rival: bool) -> None:
    index = index_of(an_attempt(2, **fields))

    assert (index.rival(an_attempt(1)) is not None) is is_rival


def test_a_task_is_held_by_one_that_is_about_to_be_sent() -> None:
    assert Index().rival(an_attempt(1), [an_attempt(2)]) == an_attempt(2)


PICTURES, VIDEOS = f"MJ::JOB::upsample::1::{JOB}", f"MJ::JOB::video_virtual_upscale::1::{JOB}"
PICKS: dict[str, tuple[str, tuple[int, int], bool]] = {
    "two pictures": (PICTURES, (1, 2), False),
    "the same picture": (PICTURES, (1, 1), True),
    "two videos, whose messages tell no index": (VIDEOS, (1, 2), True),
}


@pytest.mark.parametrize(("custom_id", "indexes", "is_rival"), PICKS.values(), ids=PICKS.keys())
def test_picks_of_one_grid_are_held_only_where_they_look_the_same(
    custom_id: str, indexes: tuple[int, int], is_rival: bool
) -> None:
    one, other = (
        an_attempt(number, action=Action.UPSCALE, parent_message_id=GRID, index=index, custom_id=custom_id)
        for number, index in enumerate(indexes)
    )

    assert (index_of(one).rival(other) is not None) is is_rival


def test_keys_are_read_from_everything_a_message_holds() -> None:
    message = a_message(
        "**a red fox --v 7.0** - Image #3 <@1000>",
        nonce=Nonce("9001"),
        reference_id=GRID,
        interaction_id=interaction(1),
    )
    read = keys_from_message(message, Bot.MIDJOURNEY)

    assert (read.verb, read.pick_index, read.prompt_key) == (Verb.PICK, 3, "aredfox")
    assert (read.nonce, read.parent_message_id, read.interaction_id) == (Nonce("9001"), GRID, interaction(1))


TRACES = {
    "an imagine": (an_attempt(), True),
    "a press": (an_attempt(action=Action.VARIATION, prompt_key="", parent_message_id=GRID), True),
    "a blend, which has no words": (an_attempt(action=Action.BLEND, prompt_key=""), False),
    "a describe, whose panel may be private": (an_attempt(action=Action.DESCRIBE), False),
}


@pytest.mark.parametrize(("attempt", "leaves"), TRACES.values(), ids=TRACES.keys())
def test_the_channel_shows_a_job_only_by_words_or_parent(attempt: Attempt, leaves: bool) -> None:
    assert leaves_trace(attempt) is leaves
