"""Deadlines of Tasks. Pure functions of a Task, its Attempts and the limits."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from midway.domain.action import Speed
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.lifecycle import Failed, failed
from midway.domain.task import Remark, State, Task
from midway.engine.limits import Limits


class Deadline(Struct, frozen=True):
    """The time after which a Task fails with `event`. With `look_first`, the channel's history is read before."""

    at: datetime
    event: Failed
    look_first: bool


def deadline(task: Task, attempts: Sequence[Attempt], limits: Limits, speed: Speed) -> Deadline | None:
    """Return the Task's next deadline; None once it has ended.

    `speed` is the Account's own mode, which applies to prompts that name none.
    """
    match task.state:
        case State.QUEUED:
            event = failed(Reason.QUEUE_TIMEOUT, "waited too long for a free slot; nothing was sent")
            return Deadline(_accepted_at(task, limits) + limits.queue_timeout, event, look_first=False)
        case State.AWAITING_INPUT:
            event = failed(Reason.INPUT_TIMEOUT, "no prompt or mask was given in time; nothing was sent")
            at = task.input_deadline or task.state_since + limits.input_timeout
            return Deadline(at, event, look_first=False)
        case State.SUBMITTED if waits_for_next_press(attempts, task):
            event = failed(Reason.QUEUE_TIMEOUT, "waited too long for its next press")
            return Deadline(
                max(task.progressed_at or task.state_since, task.state_since) + limits.queue_timeout,
                event,
                look_first=True,
            )
        case State.SUBMITTING | State.SUBMITTED | State.IN_PROGRESS:
            return min(_running(task, attempts, limits, speed), key=lambda each: each.at)
        case _:
            return None


def is_surely_early(task: Task, now: datetime, limits: Limits) -> bool:
    """Tell whether a Task is QUEUED and certainly not overdue; cheaper than `deadline`."""
    return task.state is State.QUEUED and now - task.created_at < limits.queue_timeout


def is_drawn_in_time(task: Task, attempts: Sequence[Attempt], now: datetime, limits: Limits, speed: Speed) -> bool:
    """Tell whether a Task is IN_PROGRESS and certainly not overdue; cheaper than `deadline`."""
    if task.state is not State.IN_PROGRESS or task.remark is Remark.UNKNOWN:
        return False
    if any(attempt.is_open and _missing_answer(task, attempt) for attempt in attempts):
        return False
    total, idle = _timeouts(task, limits, speed)
    return now - (task.started_at or task.state_since) < total and now - (task.progressed_at or task.state_since) < idle


def release(task: Task, attempt: Attempt, limits: Limits, speed: Speed) -> datetime:
    """Return when to stop waiting for an open Attempt of an ended Task; Midjourney may draw it until then."""
    is_silent = _missing_answer(task, attempt) is not None
    return attempt.sent_at + limits.ack_timeout if is_silent else may_be_drawn_until(task, attempt, limits, speed)


def may_be_drawn_until(task: Task, attempt: Attempt, limits: Limits, speed: Speed) -> datetime:
    """Return until when Midjourney may still draw the job of an Attempt whose end is not known."""
    return attempt.sent_at + _timeouts(task, limits, speed)[0]


def _accepted_at(task: Task, limits: Limits) -> datetime:
    """Return from when the queue's time-out counts: not anew after a requeue, and without the wait for input."""
    had_modal = task.ask.parent_id is not None and task.ask.modal_prompt is not None and not task.ask.video.extends
    return task.created_at + (limits.input_timeout if had_modal else timedelta(0))


def _timeouts(task: Task, limits: Limits, speed: Speed) -> tuple[timedelta, timedelta]:
    """Return the total and the idle time-out of a job."""
    if (task.actual_speed or task.ask.speed or speed) is Speed.RELAX:
        return limits.total_timeout_relax, limits.idle_timeout_relax
    return limits.total_timeout, limits.idle_timeout


def _running(task: Task, attempts: Sequence[Attempt], limits: Limits, speed: Speed) -> list[Deadline]:
    total, idle = _timeouts(task, limits, speed)
    latest = next((attempt for attempt in reversed(attempts) if attempt.is_open), None)
    sent = max(task.state_since, latest.sent_at) if latest else task.state_since  # storing the Attempt may take long
    begun = task.started_at or sent
    last_progress = max(task.progressed_at or sent, sent)
    found = [_after_look(begun + total, Reason.TOTAL_TIMEOUT, "Midjourney did not finish it in time")]
    if task.remark is not Remark.QUEUED_UPSTREAM:
        idle_at = last_progress + idle
        found.append(_after_look(idle_at, Reason.IDLE_TIMEOUT, "Midjourney gave no sign of life in time"))
    if task.remark is Remark.UNKNOWN and task.remarked_at:
        message = f"Midjourney said, and nothing after it: {task.notices[-1] if task.notices else '(no words)'}"
        found.append(_after_look(task.remarked_at + limits.unknown_remark_timeout, Reason.IDLE_TIMEOUT, message))
    missing = _missing_answer(task, latest) if latest else None
    if latest and missing:
        found.append(_after_look(latest.sent_at + limits.ack_timeout, *missing))
    return found


def waits_for_modal(task: Task, attempt: Attempt) -> bool:
    """Tell whether a press was made to open a modal, and no message has answered it yet."""
    opens = AttemptKind.NEXT_PRESS if task.ask.then_press else AttemptKind.PRESS
    return attempt.kind is opens and task.ask.modal_prompt is not None and not attempt.message_ids


def waits_for_next_press(attempts: Sequence[Attempt], task: Task) -> bool:
    """Tell whether a Task's first press has brought what its next one presses, and that is not decided yet."""
    latest = attempts[-1] if attempts else None
    is_over = latest is not None and latest.kind is AttemptKind.PRESS and latest.settled and bool(latest.message_ids)
    return is_over and bool(task.ask.then_press) and task.state in {State.SUBMITTING, State.SUBMITTED}


def _missing_answer(task: Task, attempt: Attempt) -> tuple[Reason, str] | None:
    """Return the failure of an Interaction without an answer, as reason and message; None when it was answered."""
    if waits_for_modal(task, attempt) and attempt.interaction_id is not None:
        return Reason.MODAL_NOT_OPENED, "the button opened no modal, so the prompt could not be given"
    is_job_known = attempt.job_id not in {None, task.ask.show_job_id}  # a /show names its job before it is sent
    if attempt.interaction_id is not None or attempt.message_ids or is_job_known:
        return None
    if attempt.accepted_at is None:
        return Reason.OUTCOME_UNKNOWN, "it is not known whether Discord took it, and the channel shows no trace of it"
    return Reason.ACK_TIMEOUT, "Discord took it, but Midjourney never answered"


def _after_look(at: datetime, reason: Reason, message: str) -> Deadline:
    return Deadline(at, failed(reason, message), look_first=True)
