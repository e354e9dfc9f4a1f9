"""A Task's life-cycle: one table and one function, `apply`, the only one that changes a state.

`TABLE` maps (state, event type) to the next state; a missing key raises `IllegalTransition`.
The diagram in ARCHITECTURE.md is generated from it by `make diagram`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from midway.domain.action import Speed
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, TaskId
from midway.domain.image import Button, Image
from midway.domain.task import TERMINAL, Ask, Failure, ModalAsk, Remark, State, Task

ONE_SIGN = timedelta(seconds=1)  # Discord acknowledges an Interaction by up to three events within this time


class Assigned(Struct, frozen=True):
    """An Account was chosen to run it."""

    account_id: AccountId
    channel_id: ChannelId


class Dispatched(Struct, frozen=True):
    """A nonce is stored and the Interaction is about to be sent."""


class Uploaded(Struct, frozen=True):
    """The input pictures were uploaded to Discord's CDN."""

    urls: tuple[str, ...]


class Requeued(Struct, frozen=True):
    """Midjourney certainly did not accept it; it is queued again."""

    notice: str


class InputWanted(Struct, frozen=True):
    """A modal waits for a person's text or mask."""

    modal: ModalAsk
    deadline: datetime


class InputGiven(Struct, frozen=True):
    """SubmitModal answered it."""

    prompt: str
    has_mask: bool


class Accepted(Struct, frozen=True):
    """Discord or the bot confirmed the Interaction. `final_prompt` is the bot's wording, "" if not known yet."""

    final_prompt: str = ""


class Progressed(Struct, frozen=True):
    """Midjourney is drawing. `percent` is None if the message contains no number."""

    percent: int | None = None
    image: Image | None = None
    final_prompt: str = ""
    job_id: JobId | None = None
    speed: Speed | None = None


class Noticed(Struct, frozen=True):
    """A message from Midjourney that is not progress ("Job queued"); it may change the idle time-out."""

    notice: str
    remark: Remark | None = None


class Result(Struct, frozen=True, kw_only=True):
    """The result of a job."""

    message_id: MessageId | None = None
    message_flags: int = 0
    job_id: JobId | None = None
    image: Image | None = None
    buttons: tuple[Button, ...] = ()
    final_prompt: str = ""
    result_prompts: tuple[str, ...] = ()
    result_text: str = ""
    speed: Speed | None = None


class Succeeded(Struct, frozen=True):
    """The final picture (or panel) has arrived."""

    result: Result


class Failed(Struct, frozen=True):
    """It cannot succeed."""

    failure: Failure


class Cancelled(Struct, frozen=True):
    """The client cancelled it. `notice` says whether Midjourney may continue to draw."""

    notice: str


class Restyled(Struct, frozen=True):
    """The finished message changed: its buttons, or the signature of its link."""

    image: Image | None
    buttons: tuple[Button, ...]


class SeedLearnt(Struct, frozen=True):
    """Midjourney sent the seed."""

    seed: str


Event = (
    Assigned
    | Dispatched
    | Uploaded
    | Requeued
    | InputWanted
    | InputGiven
    | Accepted
    | Progressed
    | Noticed
    | Succeeded
    | Failed
    | Cancelled
    | Restyled
    | SeedLearnt
)


class IllegalTransition(Exception):
    """The table has no such transition: the event is a bug, or came after the Task's end."""

    def __init__(self, state: State, event: type) -> None:
        super().__init__(f"a Task in {state} does not allow {event.__name__}")
        self.state = state
        self.event = event


S = State
TABLE: dict[tuple[State, type], State] = {
    (S.QUEUED, Assigned): S.QUEUED,
    (S.QUEUED, Uploaded): S.QUEUED,
    (S.QUEUED, Noticed): S.QUEUED,
    (S.QUEUED, Dispatched): S.SUBMITTING,
    (S.QUEUED, InputWanted): S.AWAITING_INPUT,
    (S.QUEUED, Cancelled): S.CANCELLED,
    (S.QUEUED, Failed): S.FAILED,
    (S.AWAITING_INPUT, InputGiven): S.QUEUED,
    (S.AWAITING_INPUT, Cancelled): S.CANCELLED,
    (S.AWAITING_INPUT, Failed): S.FAILED,
    (S.SUBMITTING, Dispatched): S.SUBMITTING,  # the modal submit that follows a click
    (S.SUBMITTING, Requeued): S.QUEUED,
    (S.SUBMITTING, Accepted): S.SUBMITTED,
    (S.SUBMITTING, Noticed): S.SUBMITTING,
    (S.SUBMITTING, Progressed): S.IN_PROGRESS,
    (S.SUBMITTING, Succeeded): S.SUCCEEDED,
    (S.SUBMITTING, Cancelled): S.CANCELLED,
    (S.SUBMITTING, Failed): S.FAILED,
    (S.SUBMITTED, Dispatched): S.SUBMITTING,  # the click was accepted, its modal is answered now
    (S.SUBMITTED, Requeued): S.QUEUED,  # "Queue full" after the 204
    (S.SUBMITTED, Accepted): S.SUBMITTED,
    (S.SUBMITTED, Noticed): S.SUBMITTED,
    (S.SUBMITTED, Progressed): S.IN_PROGRESS,
    (S.SUBMITTED, Succeeded): S.SUCCEEDED,
    (S.SUBMITTED, Cancelled): S.CANCELLED,
    (S.SUBMITTED, Failed): S.FAILED,
    (S.IN_PROGRESS, Accepted): S.IN_PROGRESS,
    (S.IN_PROGRESS, Noticed): S.IN_PROGRESS,
    (S.IN_PROGRESS, Progressed): S.IN_PROGRESS,
    (S.IN_PROGRESS, Succeeded): S.SUCCEEDED,
    (S.IN_PROGRESS, Cancelled): S.CANCELLED,
    (S.IN_PROGRESS, Failed): S.FAILED,
    # After the end: the state never changes again, but late results are kept, and marked as late.
    (S.SUCCEEDED, Restyled): S.SUCCEEDED,
    (S.SUCCEEDED, SeedLearnt): S.SUCCEEDED,
    (S.FAILED, Succeeded): S.FAILED,
    (S.FAILED, Restyled): S.FAILED,
    (S.FAILED, SeedLearnt): S.FAILED,
    (S.CANCELLED, Succeeded): S.CANCELLED,
    (S.CANCELLED, Restyled): S.CANCELLED,
    (S.CANCELLED, SeedLearnt): S.CANCELLED,
}


def apply(task: Task, event: Event, now: datetime) -> Task:
    """Return the Task after the event; the only function that changes a state.

    The revision is unchanged: the Store assigns the next one.
    Raises IllegalTransition when the table has no such transition.
    """
    state = TABLE.get((task.state, type(event)))
    if state is None:
        raise IllegalTransition(task.state, type(event))
    learnt = _learn(task, event, now)
    if state is task.state:
        told_again = learnt is task and isinstance(event, Accepted)
        return task if told_again else replace(learnt, updated_at=now)
    finished_at = now if state in TERMINAL else None
    return replace(learnt, state=state, state_since=now, updated_at=now, finished_at=finished_at)


def allows(state: State, event: type) -> bool:
    """Tell whether the table has this transition."""
    return (state, event) in TABLE


def _learn(task: Task, event: Event, now: datetime) -> Task:
    """Update the Task's fields, except the state, from the event."""
    match event:
        case Assigned() | Uploaded() | InputWanted() | InputGiven():
            return _prepared(task, event)
        case Accepted():
            return _accepted(task, event, now)
        case Progressed():
            return _progressed(task, event, now)
        case Requeued() | Noticed() | Cancelled():
            return _with_notice(_told(task, event, now), event.notice)
        case Succeeded():
            return _succeeded(task, event.result, now)
        case Failed() | Restyled() | SeedLearnt():
            return _closed(task, event)
        case Dispatched():
            return task


def _prepared(task: Task, event: Assigned | Uploaded | InputWanted | InputGiven) -> Task:
    """Update the fields that are set before an Interaction is sent."""
    match event:
        case Assigned():
            return replace(task, account_id=event.account_id, channel_id=event.channel_id)
        case Uploaded():
            return replace(task, input_urls=event.urls)
        case InputWanted():
            return replace(task, modal=event.modal, input_deadline=event.deadline)
        case InputGiven():
            ask = replace(task.ask, modal_prompt=event.prompt, has_mask=event.has_mask)
            return replace(task, ask=ask, modal=None, input_deadline=None)


def _closed(task: Task, event: Failed | Restyled | SeedLearnt) -> Task:
    """Set the failure, or what became known after the end."""
    match event:
        case Failed():
            return replace(task, failure=event.failure)
        case Restyled():
            return replace(task, image=event.image or task.image, buttons=event.buttons or task.buttons)
        case SeedLearnt():
            return replace(task, seed=event.seed)


def _with_progress_time(task: Task, now: datetime) -> Task:
    return replace(task, started_at=task.started_at or now, progressed_at=now)


def _accepted(task: Task, event: Accepted, now: datetime) -> Task:
    if not event.final_prompt:  # Discord's own acknowledgement, which may come after the bot's remark
        told_just_now = task.progressed_at is not None and now - task.progressed_at < ONE_SIGN
        return task if told_just_now else _with_progress_time(task, now)
    return _with_progress_time(replace(task, final_prompt=event.final_prompt, remark=None), now)


def _told(task: Task, event: Requeued | Noticed | Cancelled, now: datetime) -> Task:
    """Update the fields, except the notice itself, for an event that has one."""
    match event:
        case Requeued():  # progress of the refused attempt does not apply to the next one
            return replace(task, started_at=None, progressed_at=None, progress=0, remark=None)
        case Noticed(remark=Remark() as remark):
            return replace(task, remark=remark, remarked_at=now)
        case _:
            return task


def _with_notice(task: Task, notice: str) -> Task:
    fresh = (notice,) if notice and notice not in task.notices else ()
    return replace(task, notices=task.notices + fresh)


def _progressed(task: Task, event: Progressed, now: datetime) -> Task:
    percent = task.progress if event.percent is None else max(task.progress, min(event.percent, 99))
    return replace(
        task,
        started_at=task.started_at or now,
        progressed_at=now,
        progress=percent,
        remark=None,
        image=event.image or task.image,
        final_prompt=event.final_prompt or task.final_prompt,
        job_id=event.job_id or task.job_id,
        actual_speed=event.speed or task.actual_speed,
    )


def _succeeded(task: Task, result: Result, now: datetime) -> Task:
    return replace(
        task,
        progress=task.progress if task.state.is_terminal else 100,
        started_at=task.started_at or now,
        progressed_at=now,
        late=task.state.is_terminal,
        message_id=result.message_id,
        message_flags=result.message_flags,
        job_id=result.job_id or task.job_id,
        image=result.image or task.image,
        buttons=result.buttons,
        final_prompt=result.final_prompt or task.final_prompt,
        result_prompts=result.result_prompts,
        result_text=result.result_text,
        actual_speed=result.speed or task.actual_speed,
    )


def failed(reason: Reason, message: str, upstream_title: str = "") -> Failed:
    """Make a Failed event."""
    return Failed(Failure(reason, message, upstream_title))


def new_task(
    ask: Ask, *, task_id: TaskId, now: datetime, home: Assigned | None = None, batch: tuple[TaskId, ...] = ()
) -> Task:
    """Return a newly accepted Task: QUEUED, with only the Account and channel known, if they are chosen."""
    return Task(
        id=task_id,
        ask=ask,
        created_at=now,
        updated_at=now,
        state_since=now,
        batch=batch,
        account_id=home.account_id if home else None,
        channel_id=home.channel_id if home else None,
    )


def diagram() -> Iterable[str]:
    """Yield the life-cycle as a Mermaid state diagram, only with transitions that change the state."""
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.QUEUED}"
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, event), target in TABLE.items():
        if state is not target:
            arrows.setdefault((state, target), []).append(event.__name__)
    for (state, target), events in arrows.items():
        yield f"    {state} --> {target}: {', '.join(events)}"
    for state in State:
        if state.is_terminal:
            yield f"    {state} --> [*]"


if __name__ == "__main__":
    print("\n".join(diagram()))
