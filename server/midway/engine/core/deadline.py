"""When is it too late? Pure: a Task, its Attempts and the limits give the moment and the failure."""

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
    """A moment after which a Task fails. `look_first` asks for a look at the channel's history before."""

    at: datetime
    event: Failed
    look_first: bool


def deadline(task: Task, attempts: Sequence[Attempt], limits: Limits, speed: Speed) -> Deadline | None:
    """Return the Task's next deadline; None once it has ended.

    `speed` is the Account's own mode, which counts for prompts that name none.
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
    """Tell, faster than by its deadline, whether a Task waits in the queue and is not due yet."""
    return task.state is State.QUEUED and now - task.created_at < limits.queue_timeout


def is_drawn_in_time(task: Task, attempts: Sequence[Attempt], now: datetime, limits: Limits, speed: Speed) -> bool:
    """Tell, faster than by its deadline, whether a Task is being drawn and is not due yet."""
    if task.state is not State.IN_PROGRESS or task.remark is Remark.UNKNOWN:
        return False
    if any(attempt.is_open and _silence(task, attempt) for attempt in attempts):
        return False
    total, idle = _patience(task, limits, speed)
    return now - (task.started_at or task.state_since) < total and now - (task.progressed_at or task.state_since) < idle


def release(task: Task, attempt: Attempt, limits: Limits, speed: Speed) -> datetime:
    """Return when nothing more is waited for from an open Attempt of an ended Task; Midjourney may draw until then."""
    is_silent = _silence(task, attempt) is not None
    return attempt.sent_at + limits.ack_timeout if is_silent else may_be_drawn_until(task, attempt, limits, speed)


def may_be_drawn_until(task: Task, attempt: Attempt, limits: Limits, speed: Speed) -> datetime:
    """Return until when Midjourney may have a job for an Attempt that it has not told the end of."""
    return attempt.sent_at + _patience(task, limits, speed)[0]


def _accepted_at(task: Task, limits: Limits) -> datetime:
    """Return when the Task began to wait. Going back to the queue is no new beginning; waiting for a person is none."""
    had_modal = task.ask.parent_id is not None and task.ask.modal_prompt is not None and not task.ask.video.extends
    return task.created_at + (limits.input_timeout if had_modal else timedelta(0))


def _patience(task: Task, limits: Limits, speed: Speed) -> tuple[timedelta, timedelta]:
    """Return how long the whole job may take, and how long it may be silent."""
    if (task.actual_speed or task.ask.speed or speed) is Speed.RELAX:
        return limits.total_timeout_relax, limits.idle_timeout_relax
    return limits.total_timeout, limits.idle_timeout


def _running(task: Task, attempts: Sequence[Attempt], limits: Limits, speed: Speed) -> list[Deadline]:
    total, idle = _patience(task, limits, speed)
    latest = next((attempt for attempt in reversed(attempts) if attempt.is_open), None)
    sent = max(task.state_since, latest.sent_at) if latest else task.state_since  # the disk may have been waited for
    begun = task.started_at or sent
    alive = max(task.progressed_at or sent, sent)
    found = [_look(begun + total, Reason.TOTAL_TIMEOUT, "Midjourney did not finish it in time")]
    if task.remark is not Remark.QUEUED_UPSTREAM:
        found.append(_look(alive + idle, Reason.IDLE_TIMEOUT, "Midjourney gave no sign of life in time"))
    if task.remark is Remark.UNKNOWN and task.remarked_at:
        message = f"Midjourney said, and nothing after it: {task.notices[-1] if task.notices else '(no words)'}"
        found.append(_look(task.remarked_at + limits.unknown_remark_timeout, Reason.IDLE_TIMEOUT, message))
    silence = _silence(task, latest) if latest else None
    if latest and silence:
        found.append(_look(latest.sent_at + limits.ack_timeout, *silence))
    return found


def waits_for_modal(task: Task, attempt: Attempt) -> bool:
    """Tell whether a press was made to open a modal, and nothing has come of it yet."""
    opens = AttemptKind.NEXT_PRESS if task.ask.then_press else AttemptKind.PRESS
    return attempt.kind is opens and task.ask.modal_prompt is not None and not attempt.message_ids


def waits_for_next_press(attempts: Sequence[Attempt], task: Task) -> bool:
    """Tell whether a Task's first press has brought what its next one presses, and that is not decided yet."""
    latest = attempts[-1] if attempts else None
    is_over = latest is not None and latest.kind is AttemptKind.PRESS and latest.settled and bool(latest.message_ids)
    return is_over and bool(task.ask.then_press) and task.state in {State.SUBMITTING, State.SUBMITTED}


def _silence(task: Task, attempt: Attempt) -> tuple[Reason, str] | None:
    """Name what is missing after an Interaction; None when it was answered."""
    if waits_for_modal(task, attempt) and attempt.interaction_id is not None:
        return Reason.MODAL_NOT_OPENED, "the button opened no modal, so the prompt could not be given"
    is_job_known = attempt.job_id not in {None, task.ask.show_job_id}  # a /show names its job before it is sent
    if attempt.interaction_id is not None or attempt.message_ids or is_job_known:
        return None
    if attempt.accepted_at is None:
        return Reason.OUTCOME_UNKNOWN, "it is not known whether Discord took it, and the channel shows no trace of it"
    return Reason.ACK_TIMEOUT, "Discord took it, but Midjourney never answered"


def _look(at: datetime, reason: Reason, message: str) -> Deadline:
    return Deadline(at, failed(reason, message), look_first=True)
