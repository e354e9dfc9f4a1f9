"""When it is too late, and why: one row for each state and each thing that may be missing."""

from typing import Any

import pytest
from midway.domain.action import Action, Speed
from midway.domain.attempt import AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import JobId, MessageId, TaskId
from midway.domain.task import Remark, State
from midway.engine.core.deadline import deadline, is_drawn_in_time, is_surely_early, release
from midway.engine.limits import Limits
from msgspec.structs import replace

from tests.unit.making import JOB, NOW, a_task, an_attempt, interaction, seconds

LIMITS = Limits()
ANSWERED: dict[str, Any] = {"accepted_at": NOW, "interaction_id": interaction(1)}


def task_in(state: State, **fields: Any) -> Any:
    """Make a Task in a state that it entered now."""
    return replace(a_task(**fields.pop("ask", {})), state=state, state_since=NOW, **fields)


def test_a_queued_task_has_its_time_from_the_beginning() -> None:
    back_in_the_queue = replace(task_in(State.QUEUED), state_since=NOW + LIMITS.queue_timeout / 2)
    due = deadline(back_in_the_queue, [], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason) == (NOW + LIMITS.queue_timeout, Reason.QUEUE_TIMEOUT)
    assert not due.look_first


def test_waiting_for_a_person_does_not_count_as_waiting_in_the_queue() -> None:
    ask = {"parent_id": TaskId("1"), "modal_prompt": "a fox"}
    due = deadline(task_in(State.QUEUED, ask=ask), [], LIMITS, Speed.FAST)

    assert due is not None
    assert due.at == NOW + LIMITS.input_timeout + LIMITS.queue_timeout


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("had_modal", [False, True])
@pytest.mark.parametrize("age", [0.0, 0.5, 0.999, 1.0, 1.5])
def test_what_is_surely_early_is_not_due(state: State, had_modal: bool, age: float) -> None:
    ask = {"parent_id": TaskId("1"), "modal_prompt": "a fox"} if had_modal else {}
    task = task_in(state, ask=ask)
    now = NOW + LIMITS.queue_timeout * age
    due = deadline(task, [], LIMITS, Speed.FAST)

    assert not is_surely_early(task, now, LIMITS) or (due is not None and due.at > now)
    assert is_surely_early(task, now, LIMITS) == (state is State.QUEUED and age < 1)


@pytest.mark.parametrize("speed", [Speed.FAST, Speed.RELAX])
@pytest.mark.parametrize("state", [State.SUBMITTED, State.IN_PROGRESS, State.SUCCEEDED])
@pytest.mark.parametrize("remark", [None, *Remark])
@pytest.mark.parametrize("age", [0.0, 1 / 9, 1 / 3, 0.34, 1.0, 1.5])
@pytest.mark.parametrize("silence", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("has_signs", [False, True])
@pytest.mark.parametrize("is_answered", [False, True])
def test_what_is_drawn_in_time_is_not_due(
    speed: Speed, state: State, remark: Remark | None, age: float, silence: float, has_signs: bool, is_answered: bool
) -> None:
    now = NOW + LIMITS.total_timeout_relax
    idle = LIMITS.idle_timeout_relax if speed is Speed.RELAX else LIMITS.idle_timeout
    begun, alive = now - LIMITS.total_timeout_relax * age, now - idle * silence
    told: dict[str, Any] = {"remark": remark, "remarked_at": alive if remark else None}
    times: dict[str, Any] = {"started_at": begun, "progressed_at": alive} if has_signs else {}
    task = replace(task_in(state), **times, **told)
    attempts = [an_attempt(job_id=JOB if is_answered else None)]
    due = deadline(task, attempts, LIMITS, speed)

    if is_drawn_in_time(task, attempts, now, LIMITS, speed):
        assert due is not None
        assert due.at > now
    elif state is State.IN_PROGRESS and remark is None and is_answered:
        assert due is not None
        assert due.at <= now


def test_a_modal_waits_until_the_time_that_was_told() -> None:
    due = deadline(task_in(State.AWAITING_INPUT, input_deadline=NOW + seconds(7)), [], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason) == (NOW + seconds(7), Reason.INPUT_TIMEOUT)


SILENT: dict[str, tuple[dict[str, Any], Reason]] = {
    "nothing is known": ({}, Reason.OUTCOME_UNKNOWN),
    "discord took it": ({"accepted_at": NOW}, Reason.ACK_TIMEOUT),
}


@pytest.mark.parametrize(("known", "reason"), SILENT.values(), ids=SILENT.keys())
def test_silence_ends_soon_and_after_a_look(known: dict[str, Any], reason: Reason) -> None:
    due = deadline(task_in(State.SUBMITTING), [an_attempt(**known)], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason, due.look_first) == (NOW + LIMITS.ack_timeout, reason, True)


@pytest.mark.parametrize(
    "known",
    [{"interaction_id": interaction(1)}, {"message_ids": (MessageId("1"),)}, {"job_id": JobId(JOB)}],
    ids=["interaction", "message", "job"],
)
def test_any_sign_of_life_gives_it_the_idle_time(known: dict[str, Any]) -> None:
    due = deadline(task_in(State.SUBMITTED), [an_attempt(**known)], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason) == (NOW + LIMITS.idle_timeout, Reason.IDLE_TIMEOUT)


def test_words_that_nobody_knows_shorten_the_idle_time_and_are_the_reason() -> None:
    said = ("something of ours", "Full moon: Try tomorrow.")
    task = task_in(State.SUBMITTED, remark=Remark.UNKNOWN, remarked_at=NOW + seconds(1), notices=said)
    due = deadline(task, [an_attempt(**ANSWERED)], LIMITS, Speed.FAST)

    assert due is not None
    assert due.at == NOW + seconds(1) + LIMITS.unknown_remark_timeout
    assert (due.event.failure.reason, due.look_first) == (Reason.IDLE_TIMEOUT, True)
    assert due.event.failure.message.endswith(said[-1])


def test_a_job_that_waits_upstream_may_be_silent_for_the_whole_time() -> None:
    task = task_in(State.SUBMITTED, remark=Remark.QUEUED_UPSTREAM, remarked_at=NOW)
    due = deadline(task, [an_attempt(**ANSWERED)], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason) == (NOW + LIMITS.total_timeout, Reason.TOTAL_TIMEOUT)


def test_a_press_that_should_open_a_modal_has_the_time_of_an_answer() -> None:
    task = task_in(State.SUBMITTED, ask={"action": Action.ZOOM, "modal_prompt": "a fox"})
    due = deadline(task, [an_attempt(kind=AttemptKind.PRESS, **ANSWERED)], LIMITS, Speed.FAST)

    assert due is not None
    assert (due.at, due.event.failure.reason) == (NOW + LIMITS.ack_timeout, Reason.MODAL_NOT_OPENED)


SPEEDS: dict[str, tuple[dict[str, Any], Speed, bool]] = {
    "the account draws fast": ({}, Speed.FAST, False),
    "the account draws relaxed": ({}, Speed.RELAX, True),
    "the prompt wishes relax": ({"ask": {"speed": Speed.RELAX}}, Speed.FAST, True),
    "the prompt wishes turbo": ({"ask": {"speed": Speed.TURBO}}, Speed.RELAX, False),
    "the bot says relaxed": ({"ask": {"speed": Speed.FAST}, "actual_speed": Speed.RELAX}, Speed.FAST, True),
}


@pytest.mark.parametrize(("fields", "speed", "relaxed"), SPEEDS.values(), ids=SPEEDS.keys())
def test_relaxed_jobs_have_longer(fields: dict[str, Any], speed: Speed, relaxed: bool) -> None:
    task = task_in(State.IN_PROGRESS, started_at=NOW, progressed_at=NOW + LIMITS.total_timeout_relax, **fields)
    due = deadline(task, [an_attempt(**ANSWERED)], LIMITS, speed)

    assert due is not None
    assert due.at == NOW + (LIMITS.total_timeout_relax if relaxed else LIMITS.total_timeout)
    assert due.event.failure.reason is Reason.TOTAL_TIMEOUT


@pytest.mark.parametrize("state", [state for state in State if state.is_terminal])
def test_an_ended_task_has_no_deadline(state: State) -> None:
    assert deadline(task_in(state), [an_attempt()], LIMITS, Speed.FAST) is None


def test_an_ended_tasks_slot_is_kept_while_midjourney_may_draw() -> None:
    cancelled = task_in(State.CANCELLED)

    assert release(cancelled, an_attempt(**ANSWERED), LIMITS, Speed.FAST) == NOW + LIMITS.total_timeout
    assert release(cancelled, an_attempt(**ANSWERED), LIMITS, Speed.RELAX) == NOW + LIMITS.total_timeout_relax


def test_an_ended_tasks_slot_is_given_back_soon_when_nothing_was_ever_answered() -> None:
    assert (
        release(task_in(State.CANCELLED), an_attempt(accepted_at=NOW), LIMITS, Speed.FAST) == NOW + LIMITS.ack_timeout
    )
