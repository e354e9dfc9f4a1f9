"""A Task's life: the table is total, everything can be reached, everything can end, and ends once."""

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.action import Action, ModalKind, Speed
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, TaskId
from midway.domain.image import Button, Image
from midway.domain.lifecycle import (
    ONE_SIGN,
    TABLE,
    Accepted,
    Assigned,
    Cancelled,
    Dispatched,
    Event,
    IllegalTransition,
    InputGiven,
    InputWanted,
    Noticed,
    Progressed,
    Requeued,
    Restyled,
    Result,
    SeedLearnt,
    Succeeded,
    Uploaded,
    allows,
    apply,
    diagram,
    failed,
    new_task,
)
from midway.domain.task import TERMINAL, Ask, ModalAsk, Remark, State, Task
from msgspec.structs import replace

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
PREVIEW = Image("https://cdn.invalid/preview.webp")
PICTURE = Image("https://cdn.invalid/grid.png", 1024, 1024)
BUTTON = Button("MJ::JOB::reroll::0::1f::SOLO")
QUEUED = new_task(Ask(action=Action.IMAGINE, prompt="a fox"), task_id=TaskId("1700000000000001"), now=NOW)
DONE = Succeeded(
    Result(message_id=MessageId("7"), job_id=JobId("1f"), image=PICTURE, buttons=(BUTTON,), final_prompt="a fox --v 7")
)
EVENTS: list[Event] = [
    Assigned(AccountId("1"), ChannelId("2")),
    Dispatched(),
    Uploaded(("https://cdn.invalid/in.png",)),
    Requeued("queue full"),
    InputWanted(ModalAsk(ModalKind.PROMPT), LATER),
    InputGiven("a blue fox", has_mask=False),
    Accepted("a fox --v 7"),
    Progressed(31, PREVIEW, "a fox --v 7", JobId("1f"), Speed.FAST),
    Noticed("Job queued"),
    DONE,
    failed(Reason.MODERATED, "refused", "Banned prompt"),
    Cancelled("Midjourney goes on drawing"),
    Restyled(PICTURE, (BUTTON,)),
    SeedLearnt("42"),
]
HISTORIES = st.lists(st.sampled_from(EVENTS), max_size=30)


def in_state(state: State) -> Task:
    return replace(QUEUED, state=state)


def after(*events: Event) -> Task:
    """Apply the events to a new Task, one a second."""
    task = QUEUED
    for event in events:
        task = apply(task, event, task.updated_at + timedelta(seconds=1))
    return task


def live(events: list[Event]) -> list[Task]:
    """Apply the events that are allowed when they come; return every snapshot, the first included."""
    snapshots = [QUEUED]
    for event in events:
        if allows(snapshots[-1].state, type(event)):
            snapshots.append(apply(snapshots[-1], event, snapshots[-1].updated_at + timedelta(seconds=1)))
    return snapshots


def reachable_from(state: State) -> set[State]:
    reached, new = set(), {state}
    while new:
        reached |= new
        new = {target for (start, _), target in TABLE.items() if start in new} - reached
    return reached


def test_these_tests_know_every_event():
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_state_takes_an_event_as_the_table_says_or_refuses_it(state: State, event: Event):
    target = TABLE.get((state, type(event)))

    if target is None:
        with pytest.raises(IllegalTransition) as refused:
            apply(in_state(state), event, LATER)
        assert (refused.value.state, refused.value.event) == (state, type(event))
    else:
        assert apply(in_state(state), event, LATER).state is target


def test_every_state_is_reached_from_the_first():
    assert reachable_from(State.QUEUED) == set(State)


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_every_unfinished_state_can_end_in_one_step_by_failure_and_by_cancelling(state: State):
    assert apply(in_state(state), failed(Reason.TOTAL_TIMEOUT, ""), LATER).state is State.FAILED
    assert apply(in_state(state), Cancelled(""), LATER).state is State.CANCELLED


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_every_unfinished_state_can_still_succeed(state: State):
    assert State.SUCCEEDED in reachable_from(state)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_ended_task_never_changes_its_state(state: State):
    assert reachable_from(state) == {state}


@given(HISTORIES)
def test_a_task_ends_at_most_once(events: list[Event]):
    snapshots = live(events)

    ends = [end for before, end in pairwise(snapshots) if end.state.is_terminal and not before.state.is_terminal]
    assert len(ends) <= 1
    assert {snapshot.finished_at for snapshot in snapshots} - {None} == {end.updated_at for end in ends}


@given(HISTORIES)
def test_progress_never_goes_back(events: list[Event]):
    progress = [snapshot.progress for snapshot in live(events)]

    assert progress == sorted(progress)


@given(st.lists(st.one_of(st.none(), st.integers(-10, 200)), max_size=10))
def test_progress_stays_below_a_hundred_until_the_end(percents: list[int | None]):
    task = after(Dispatched(), *(Progressed(percent) for percent in percents))

    assert 0 <= task.progress <= 99
    assert apply(task, DONE, LATER).progress == 100


@given(HISTORIES)
def test_what_was_asked_for_stays_but_for_the_modals_answer(events: list[Event]):
    asks = {replace(snapshot.ask, modal_prompt=None, has_mask=False) for snapshot in live(events)}

    assert asks == {QUEUED.ask}


@given(HISTORIES)
def test_every_change_moves_the_time_of_the_change(events: list[Event]):
    times = [snapshot.updated_at for snapshot, _ in groupby(live(events))]

    assert times == sorted(set(times))


def test_an_acknowledgement_just_after_another_is_no_change():
    """Discord tells three times that it took an Interaction; each would be a write and a message to every watcher."""
    accepted = apply(after(Dispatched()), Accepted(), LATER)

    assert apply(accepted, Accepted(), LATER + ONE_SIGN / 2) is accepted


def test_a_later_acknowledgement_is_a_sign_of_life():
    accepted = apply(after(Dispatched()), Accepted(), LATER)

    assert apply(accepted, Accepted(), LATER + ONE_SIGN).progressed_at == LATER + ONE_SIGN


def test_the_time_of_the_state_moves_with_the_state_only():
    drawing = after(Dispatched(), Progressed(10))

    assert apply(drawing, Progressed(20), LATER).state_since == drawing.state_since
    assert apply(drawing, DONE, LATER).state_since == LATER


def test_a_new_task_waits_and_knows_nothing():
    assert (QUEUED.state, QUEUED.progress, QUEUED.finished_at, QUEUED.image) == (State.QUEUED, 0, None, None)


def test_a_task_starts_when_discord_accepts_it_first():
    first = after(Dispatched(), Accepted())

    assert first.started_at == first.updated_at
    assert apply(first, Accepted(), LATER).started_at == first.started_at


def test_a_sign_of_life_without_a_number_keeps_the_percent():
    drawing = after(Dispatched(), Progressed(40))
    alive = apply(drawing, Progressed(), LATER)

    assert (alive.progress, alive.progressed_at) == (40, LATER)


def test_the_result_is_taken_over_whole():
    task = after(Dispatched(), Progressed(40, PREVIEW), DONE)

    assert (task.image, task.buttons, task.message_id, task.job_id) == (PICTURE, (BUTTON,), "7", "1f")
    assert (task.final_prompt, task.late) == ("a fox --v 7", False)


def test_a_picture_that_comes_after_the_end_is_kept_and_marked_late():
    ended = after(Dispatched(), Accepted(), failed(Reason.IDLE_TIMEOUT, "nothing came"))
    late = apply(ended, DONE, LATER)

    assert (late.state, late.late, late.image) == (State.FAILED, True, PICTURE)
    assert (late.finished_at, late.failure) == (ended.finished_at, ended.failure)


def test_the_modals_answer_puts_the_task_back_into_the_queue():
    waiting = after(InputWanted(ModalAsk(ModalKind.REGION, "a fox"), LATER))
    answered = apply(waiting, InputGiven("a hat", has_mask=True), LATER)

    assert (waiting.state, waiting.input_deadline) == (State.AWAITING_INPUT, LATER)
    assert (answered.state, answered.modal, answered.input_deadline) == (State.QUEUED, None, None)
    assert (answered.ask.modal_prompt, answered.ask.has_mask) == ("a hat", True)


def test_a_notice_is_kept_once():
    assert after(Noticed("Job queued"), Noticed("Job queued"), Noticed("")).notices == ("Job queued",)


@pytest.mark.parametrize("sign", [Accepted("a red hat"), Progressed(15)])
def test_a_remark_counts_until_the_job_shows_a_sign_of_life(sign: Event):
    remarked = after(Dispatched(), Noticed("Job queued", Remark.QUEUED_UPSTREAM))

    assert remarked.remark is apply(remarked, Accepted(), LATER).remark is Remark.QUEUED_UPSTREAM
    assert apply(remarked, sign, LATER).remark is None


def test_a_restyle_that_brings_nothing_takes_nothing_away():
    task = after(Dispatched(), DONE, Restyled(None, ()))

    assert (task.image, task.buttons) == (PICTURE, (BUTTON,))


def test_the_diagram_shows_every_state_and_every_change_of_state():
    text = "\n".join(diagram())

    assert [state for state in State if state not in text] == []
    for (state, event), target in TABLE.items():
        if state is not target:
            assert event.__name__ in next(line for line in text.splitlines() if f" {state} --> {target}:" in line)
