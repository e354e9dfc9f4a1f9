"""Decides what the bot's messages about a job change: its Attempt, its Task and the Account."""

from msgspec.structs import replace

from midway.discord.event import Message
from midway.discord.interaction import ButtonPress
from midway.domain.action import Speed
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.lifecycle import Accepted, Noticed, Progressed, Requeued, Restyled, Result, Succeeded, failed
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import Remark, State, Task
from midway.engine.clock import SteadyClock
from midway.engine.core.classify import Finished, Rejected
from midway.engine.core.deadline import waits_for_modal
from midway.engine.core.effects import Change, CountUnknown, DrewFast, Effect, Enter, Learn, SendFirst, SlowDown
from midway.engine.core.ledger import Ledger
from midway.engine.core.pending import Outgoing, tries
from midway.engine.core.reading import Reading
from midway.engine.interactions import APPLICATION_IDS, ChannelRef
from midway.engine.limits import Limits

MODAL_SKIPPED = "Midjourney opened no modal; it draws with its own prompt"


class JobNews:
    """Handles messages whose Attempt is known. Owned by one listener."""

    def __init__(self, ledger: Ledger, channel: ChannelRef, limits: Limits, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._channel = channel
        self._limits = limits
        self._clock = clock

    def taken(self, attempt: Attempt, reading: Reading, *, live: bool) -> list[Effect]:
        """Return the effects of a message about an Attempt's job. `live`: it is an event, not from the history."""
        task = self._ledger.tasks.get(attempt.task_id)
        if task is None:
            return []
        learnt = self._learnt(attempt, reading)
        is_known = reading.message.id in attempt.message_ids
        is_first_step = bool(task.ask.then_press) and attempt.kind is AttemptKind.PRESS
        match reading.meaning:
            case Finished(event) if is_first_step:
                return self._press_next(task, learnt, reading.message, event.result)
            case Progressed() if is_first_step:
                return [Change(task_id=task.id, events=(Accepted(),), attempts=(learnt,))]  # not the final job's
            case Finished(event):
                return self._finished(task, learnt, reading.message, event.result)
            case Rejected() as rejected if not attempt.settled or self._was_answered_by_region(attempt):
                return self._rejected(task, learnt, rejected)
            case Rejected() as rejected if not is_known:
                return [Learn((learnt,)), *enters(rejected)]  # the Attempt is settled, so its Task is not affected
            case Accepted() | Progressed() | Noticed() as event:
                news = _news(task, event, reading, is_known=is_known, live=live)
                events = (*_modal_skipped(task, attempt), news) if news else ()
                return [*count_unknown(reading, news), Change(task_id=task.id, events=events, attempts=(learnt,))]
            case _:
                return [Learn((learnt,))]

    def _was_answered_by_region(self, press: Attempt) -> bool:
        """Tell whether an answer to a press is meant for its region submit, which has no Interaction of its own."""
        latest = self._ledger.attempts(press.task_id)[-1]
        is_same = latest.interaction_id is not None and latest.interaction_id == press.interaction_id
        return is_same and latest.kind is AttemptKind.REGION and not latest.settled

    def _learnt(self, attempt: Attempt, reading: Reading) -> Attempt:
        """Return the Attempt with all ids of the message added."""
        keys, known = reading.keys, attempt.message_ids
        has_news = (keys.interaction_id and not attempt.interaction_id) or (keys.job_id and not attempt.job_id)
        if keys.message_id in known and attempt.accepted_at and not has_news:
            return attempt  # the case for most edits of a progress message
        return replace(
            attempt,
            accepted_at=attempt.accepted_at or self._clock.now(),
            interaction_id=attempt.interaction_id or keys.interaction_id,
            message_ids=known if keys.message_id in known else (*known, keys.message_id),
            job_id=attempt.job_id or keys.job_id,
        )

    def _finished(self, task: Task, attempt: Attempt, message: Message, result: Result) -> list[Effect]:
        """Handle a final message: the end of the Task, a late picture, or new buttons on a finished one."""
        if task.message_id == message.id and _is_restyled(task, result):
            restyled = Restyled(result.image, result.buttons)
            return [Change(task_id=task.id, events=(restyled,), attempts=(attempt,))]
        if task.message_id is not None:
            return [Learn((attempt,))]  # a repetition, or a second final message: the first one counts
        now = self._clock.now()
        settled = replace(attempt, ended_at=attempt.ended_at or now, settled=True)
        ended = Change(task_id=task.id, events=(Succeeded(result),), attempts=self._settled_with(settled))
        return [DrewFast(), ended] if result.speed in {Speed.FAST, Speed.TURBO} else [ended]

    def _press_next(self, task: Task, press: Attempt, message: Message, result: Result) -> list[Effect]:
        """Press the next button (`Ask.then_press`) on the result of a press; only once, even if the message repeats."""
        settled = replace(press, ended_at=press.ended_at or self._clock.now(), settled=True)
        is_last = self._ledger.attempts(task.id)[-1].nonce == press.nonce
        if task.state.is_terminal or not is_last:
            return [Learn((settled,))]
        wanted = task.ask.then_press
        found = next((button.custom_id for button in result.buttons if button.custom_id.startswith(wanted)), None)
        if found is None:
            missing = failed(Reason.BUTTON_NOT_FOUND, f"the message that it brought has no button {wanted!r}")
            return [Change(task_id=task.id, events=(missing,), attempts=self._settled_with(settled))]
        next_press = ButtonPress(
            application_id=APPLICATION_IDS[task.ask.bot],
            channel_id=self._channel.channel_id,
            guild_id=self._channel.guild_id,
            message_id=message.id,
            message_flags=message.flags,
            custom_id=found,
        )
        return [Learn((settled,)), SendFirst(Outgoing(task.id, AttemptKind.NEXT_PRESS, next_press))]

    def _settled_with(self, settled: Attempt) -> tuple[Attempt, ...]:
        """Return the Task's other Attempts that end with this one, and this one."""
        others = self._ledger.ended(settled.task_id, settled=True)
        return (*(each for each in others if each.nonce != settled.nonce), settled)

    def _rejected(self, task: Task, attempt: Attempt, rejected: Rejected) -> list[Effect]:
        settled = replace(attempt, ended_at=self._clock.now(), settled=True)
        event: LifeEvent = self._retried(task, rejected) or rejected.event
        effects: list[Effect] = [Change(task_id=task.id, events=(event,), attempts=self._settled_with(settled))]
        if rejected.retry:
            effects.append(SlowDown(self._limits.queue_full_pause.total_seconds()))
        return [*effects, *enters(rejected)]

    def _retried(self, task: Task, rejected: Rejected) -> Requeued | None:
        """Return the event that requeues a Task after a refusal; None when it may not be retried, or not again."""
        has_no_tries_left = tries(self._ledger.attempts(task.id)) > self._limits.max_requeues
        return None if has_no_tries_left or not rejected.retry else Requeued(rejected.event.failure.message)


def enters(rejected: Rejected) -> list[Effect]:
    """Return the effect that brings the Account into the state that a refusal shows, if any."""
    return [Enter(rejected.trouble.state, rejected.trouble.reason)] if rejected.trouble else []


def count_unknown(reading: Reading, meaning: object) -> list[Effect]:
    """Return the effect that counts an unknown remark, if it is one; not for edits, so each message counts once."""
    if isinstance(meaning, Noticed) and meaning.remark is Remark.UNKNOWN and reading.message.edited_at is None:
        return [CountUnknown(meaning.notice)]
    return []


def _modal_skipped(task: Task, attempt: Attempt) -> tuple[LifeEvent, ...]:
    return (Noticed(MODAL_SKIPPED),) if waits_for_modal(task, attempt) else ()


def _news(
    task: Task, event: Accepted | Progressed | Noticed, reading: Reading, *, is_known: bool, live: bool
) -> Accepted | Progressed | Noticed | None:
    """Return what is new in a message; None: nothing. `is_known`: the message, or an earlier edit, was seen before.

    A message that the history repeats must not count as progress, or a hung job would never time out. An edit without
    progress may hold an unknown remark instead.
    """
    if not isinstance(event, Noticed):
        if _is_news(task, event) or (live and not is_known):
            return event
        if not is_known or reading.words is None:
            return event if live else None
        event = reading.words
    if is_known and event.notice in task.notices:
        return None
    # From the history it cannot be told whether the remark came before the latest progress, so it starts no time-out.
    return event if live or task.state is not State.IN_PROGRESS else Noticed(event.notice)


def _is_news(task: Task, sign: Accepted | Progressed) -> bool:
    """Tell whether an acceptance or progress is more than the Task has already."""
    if isinstance(sign, Accepted):
        return task.state is State.SUBMITTING
    return task.state is not State.IN_PROGRESS or (sign.percent or 0) > task.progress


def _is_restyled(task: Task, result: Result) -> bool:
    """Tell whether the final message of a finished Task has changed its picture or buttons.

    A new signature of the link is not a change: each start reads the history, and would notify all watchers and
    webhooks of its Tasks again.
    """
    known = task.image.unsigned_url if task.image else ""
    present = result.image.unsigned_url if result.image else known
    return present != known or (bool(result.buttons) and result.buttons != task.buttons)
