"""Hears what Discord says to one Account and tells what it means for whom.

Event -> `reading` (what does it say?) -> `correlate` (which Attempt?) -> effects. It changes nothing but what it keeps
of messages that match nothing yet, and which message is the newest.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from midway.discord.event import (
    Event,
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    ModalOpened,
)
from midway.domain.account import AccountState
from midway.domain.action import Speed
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId, MessageId, Nonce, TaskId, UserId, time_of_snowflake
from midway.domain.lifecycle import (
    Accepted,
    Noticed,
    Progressed,
    Requeued,
    Restyled,
    Result,
    Succeeded,
    failed,
)
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import Remark, State, Task
from midway.engine import classify
from midway.engine.classify import Finished, Rejected
from midway.engine.clock import SteadyClock
from midway.engine.correlate import is_guess, match, press_answered
from midway.engine.deadline import waits_for_modal
from midway.engine.effects import (
    AnswerWindow,
    Change,
    Disown,
    DrewFast,
    Effect,
    Enter,
    ExpectFinal,
    Learn,
    Puzzled,
    Recall,
    SawRemix,
    SlowDown,
)
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.lot import ParkingLot
from midway.engine.outcomes import Outcomes
from midway.engine.outgoing import tries
from midway.engine.reading import Reading, read

log = structlog.get_logger(__name__)

# By an Attempt's nonce and a job's name: the messages that fit the Attempt by their looks.
Guesses = dict[Nonce, dict[str, list[MessageId]]]

MODAL_SKIPPED = "Midjourney opened no modal; it draws with its own prompt"


class Listener:
    """Reads Discord's events against the ledger. Owned by one core."""

    def __init__(self, ledger: Ledger, outcomes: Outcomes, limits: Limits, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._outcomes = outcomes
        self._limits = limits
        self._clock = clock
        self._lot = ParkingLot(limits.park_time, limits.max_parked_messages)
        self._user_id: UserId | None = None

    def connected(self, user_id: UserId) -> None:
        """Note whose session it is."""
        self._user_id = user_id

    def hear(self, event: Event) -> list[Effect]:
        """Tell what follows from one event; a message that matches nothing yet is parked."""
        match event:
            case MessageCreated(message) | MessageUpdated(message):
                reading = self.read(message)
                return self._message(reading) if reading else []
            case MessageDeleted():
                return self._deleted(event)
            case InteractionCreated(id=id_, nonce=nonce) | InteractionSucceeded(id=id_, nonce=nonce):
                return self._acknowledged(id_, nonce)
            case InteractionFailed():
                return self._interaction_failed(event)
            case ModalOpened() | IframeOpened():
                return self._window_opened(event)
            case _:
                return []

    def read(self, message: Message) -> Reading | None:
        """Read a message; None when it is no bot's, or certainly speaks to somebody else."""
        reading = read(message)
        if time_of_snowflake(message.id) < self._clock.now() + timedelta(days=1):  # else no other would ever be newer
            self._ledger.index.saw(message.id)
        is_ours = reading is not None and (self._user_id is None or reading.names in {None, self._user_id})
        return reading if is_ours else None

    def wake_at(self) -> float | None:
        """Return when (monotonic) something parked is over."""
        return self._lot.wake_at()

    def expire(self) -> None:
        """Give up on messages that matched nothing in time."""
        for reading in self._lot.expired(self._clock.monotonic()):
            message = reading.message
            log.warning("a message of the bot matched no task", message_id=message.id, buttons=len(message.buttons))

    def note_guesses(self, readings: Iterable[Reading], guesses: Guesses) -> None:
        """Add which of these messages fit an Attempt by their looks alone."""
        for reading in readings:
            may_be_guessed = reading.has_grammar and is_guess(reading.keys, self._ledger.index)
            attempt = self._match(reading) if may_be_guessed else None
            if attempt is not None:
                jobs = guesses.setdefault(attempt.nonce, {})
                jobs.setdefault(reading.keys.job_name, []).append(reading.message.id)

    def doubtful(self, guesses: Guesses) -> set[MessageId]:
        """Return which messages fit an Attempt that those of another job fit as well."""
        several = (jobs for jobs in guesses.values() if len(jobs) > 1)
        return {message_id for jobs in several for messages in jobs.values() for message_id in messages}

    def read_again(self, reading: Reading, *, in_doubt: bool) -> tuple[list[Effect], bool]:
        """Tell what follows from a message of the channel's history, and whether its job is nobody's we know.

        `in_doubt`: its looks do not tell whose it is.
        """
        effects = _settings(reading)
        if self._pressed_panel(reading):
            return [*effects, *self._message(reading)], False
        attempt = None if in_doubt and is_guess(reading.keys, self._ledger.index) else self._match(reading)
        if attempt is not None:
            return [*effects, *self._told(attempt, reading, live=False)], False
        # The history shows no nonce, only an Interaction. Trouble that it tells may have been settled by a person.
        index = self._ledger.index
        if index.is_foreign(reading.keys) or index.is_of_another_session(reading.keys.interaction_id):
            effects.append(Disown(reading.keys))
        return effects, reading.tells_of_a_job

    def woken(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of the messages that are parked under one of these names and fit now, oldest first."""
        parked = self._lot.named(names)
        guesses: Guesses = {}
        if len(parked) > 1:
            self.note_guesses((reading for _, reading in parked), guesses)
        in_doubt = self.doubtful(guesses)
        return [n for n, reading in parked if reading.message.id not in in_doubt and self._match(reading) is not None]

    def unparked(self, number: int) -> list[Effect]:
        """Tell what follows from a parked message, if it still fits after those before it."""
        reading = self._lot.get(number)
        attempt = self._match(reading) if reading else None
        if reading is None or attempt is None:
            return []
        self._lot.take(number)
        return self._told(attempt, reading)

    def recalled(self, reading: Reading) -> list[Effect]:
        """Tell what follows from a message, now that the Task that it speaks of is in memory, if there is one."""
        return self._placed(reading, self._pressed_panel(reading))

    def _message(self, reading: Reading) -> list[Effect]:
        pressed = self._pressed_panel(reading)
        if pressed and self._parent_id(pressed) not in self._ledger.tasks:
            return [Recall(self._parent_id(pressed), reading)]
        return self._placed(reading, pressed)

    def _placed(self, reading: Reading, pressed: Attempt | None) -> list[Effect]:
        """Tell what a message means for its Attempt, or keep it; `pressed`: the press that it may answer."""
        is_answer = pressed is not None and self._is_new_panel(pressed, reading)
        attempt = pressed if is_answer else self._match(reading)
        effects = _settings(reading)
        if attempt is not None:
            return [*effects, *self._told(attempt, reading)]
        effects += self._trouble(reading)
        if self._ledger.index.is_foreign(reading.keys):
            return [*effects, Disown(reading.keys)]
        self._lot.park(reading, self._clock.monotonic())
        return effects

    def _match(self, reading: Reading) -> Attempt | None:
        found = match(reading.keys, self._ledger.index)
        if found is None and self._is_meant_for_us(reading.message) and not reading.has_grammar:
            found = press_answered(reading.keys, self._ledger.index)
        return found

    def _is_meant_for_us(self, message: Message) -> bool:
        """Tell whether a message speaks to this Account's user for certain.

        A text may quote a stranger's prompt, and so mention anybody.
        """
        mentioned = not message.content and self._user_id in message.mentions
        return self._is_private(message) or mentioned

    def _is_private(self, message: Message) -> bool:
        """Tell whether only this Account sees a message, or made its Interaction."""
        is_own = self._user_id is not None and message.interaction_user_id == self._user_id
        return bool(message.flags & classify.EPHEMERAL) or is_own

    def _pressed_panel(self, reading: Reading) -> Attempt | None:
        """Find the one open press that this panel may answer by having been edited in place (retry, show details)."""
        if not reading.is_panel or not reading.message.written_embeds:
            return None  # no panel, as most messages
        message_id = reading.message.id
        pressed = [a for a in self._ledger.index.open() if a.parent_message_id == message_id and not a.takes_slot]
        return pressed[0] if len(pressed) == 1 else None

    def _is_new_panel(self, pressed: Attempt, reading: Reading) -> bool:
        """Tell whether its text is another one: an edit that only restyles a button answers nothing."""
        parent = self._ledger.tasks.get(self._parent_id(pressed))
        said = reading.meaning.event.result.result_text if isinstance(reading.meaning, Finished) else ""
        return parent is None or parent.result_text != said

    def _parent_id(self, attempt: Attempt) -> TaskId:
        task = self._ledger.tasks.get(attempt.task_id)
        return task.ask.parent_id if task and task.ask.parent_id else attempt.task_id

    def _told(self, attempt: Attempt, reading: Reading, *, live: bool = True) -> list[Effect]:
        """Tell what a message means for its Attempt and its Task."""
        taken = partial(self._taken, attempt, reading, live=live)
        return list(self._outcomes.unless_it_breaks(attempt.task_id, taken))

    def _taken(self, attempt: Attempt, reading: Reading, *, live: bool) -> list[Effect]:
        task = self._ledger.tasks.get(attempt.task_id)
        if task is None:
            return []
        learnt = self._learnt(attempt, reading)
        is_known = reading.message.id in attempt.message_ids
        match reading.meaning:
            case Finished(event):
                return self._finished(task, learnt, reading.message, event.result)
            case Rejected() as rejected if not attempt.settled or self._was_answered_by_region(attempt):
                return self._rejected(task, learnt, rejected)
            case Rejected() as rejected if not is_known:
                return [Learn((learnt,)), *_enters(rejected)]  # its Task has gone on without it
            case Accepted() | Progressed() | Noticed() as said:
                news = _news(task, said, reading, is_known=is_known, live=live)
                events = (*_modal_skipped(task, attempt), news) if news else ()
                return [*_puzzled(reading, news), Change(task_id=task.id, events=events, attempts=(learnt,))]
            case _:
                return [Learn((learnt,))]

    def _was_answered_by_region(self, press: Attempt) -> bool:
        """Tell whether what is said to a press is meant for its region's answer, which has no nonce of its own."""
        latest = self._ledger.attempts(press.task_id)[-1]
        is_same = latest.interaction_id is not None and latest.interaction_id == press.interaction_id
        return is_same and latest.kind is AttemptKind.REGION and not latest.settled

    def _learnt(self, attempt: Attempt, reading: Reading) -> Attempt:
        """Add every id in the message to the Attempt."""
        keys, known = reading.keys, attempt.message_ids
        has_news = (keys.interaction_id and not attempt.interaction_id) or (keys.job_id and not attempt.job_id)
        if keys.message_id in known and attempt.accepted_at and not has_news:
            return attempt  # as at most edits of a progress message
        return replace(
            attempt,
            accepted_at=attempt.accepted_at or self._clock.now(),
            interaction_id=attempt.interaction_id or keys.interaction_id,
            message_ids=known if keys.message_id in known else (*known, keys.message_id),
            job_id=attempt.job_id or keys.job_id,
        )

    def _finished(self, task: Task, attempt: Attempt, message: Message, result: Result) -> list[Effect]:
        """Take a final message: the end of the Task, its late picture, or new buttons on a finished one."""
        if task.message_id == message.id and _is_restyled(task, result):
            restyled = Restyled(result.image, result.buttons)
            return [Change(task_id=task.id, events=(restyled,), attempts=(attempt,))]
        if task.message_id is not None:
            return [Learn((attempt,))]  # told again, or a second final: the first one stands
        now = self._clock.now()
        settled = replace(attempt, ended_at=attempt.ended_at or now, settled=True)
        ended = Change(task_id=task.id, events=(Succeeded(result),), attempts=self._settled_with(settled))
        return [DrewFast(), ended] if result.speed in {Speed.FAST, Speed.TURBO} else [ended]

    def _settled_with(self, settled: Attempt) -> tuple[Attempt, ...]:
        """Return the Attempts that end with this one, and itself."""
        others = self._ledger.ended(settled.task_id, settled=True)
        return (*(each for each in others if each.nonce != settled.nonce), settled)

    def _rejected(self, task: Task, attempt: Attempt, rejected: Rejected) -> list[Effect]:
        settled = replace(attempt, ended_at=self._clock.now(), settled=True)
        event: LifeEvent = self._retried(task, rejected) or rejected.event
        effects: list[Effect] = [Change(task_id=task.id, events=(event,), attempts=self._settled_with(settled))]
        if rejected.retry:
            effects.append(SlowDown(self._limits.queue_full_pause.total_seconds()))
        return [*effects, *_enters(rejected)]

    def _retried(self, task: Task, rejected: Rejected) -> Requeued | None:
        """Send a certainly refused Task back to the queue, unless it went back too often."""
        is_spent = tries(self._ledger.attempts(task.id)) > self._limits.max_requeues
        return None if is_spent or not rejected.retry else Requeued(rejected.event.failure.message)

    def _trouble(self, reading: Reading) -> list[Effect]:
        """Notice trouble that is told outside any of our jobs; only what is certainly meant for this Account."""
        meaning = reading.meaning if self._is_private(reading.message) else None
        effects: list[Effect] = _enters(meaning) if isinstance(meaning, Rejected) else []
        if reading.message.written_embeds:  # a plain text may answer any command that a person gives by hand
            effects += _puzzled(reading, meaning)
        return effects

    def _deleted(self, event: MessageDeleted) -> list[Effect]:
        attempt = self._ledger.attempt(self._ledger.index.by_message.get(event.id))
        return [ExpectFinal(attempt.task_id)] if attempt is not None and attempt.is_open else []

    def _acknowledged(self, interaction_id: InteractionId, nonce: Nonce | None) -> list[Effect]:
        attempt = self._ledger.attempt(nonce)
        return [self._accepted(attempt, interaction_id)] if attempt else []

    def _accepted(self, attempt: Attempt, interaction_id: InteractionId) -> Change:
        accepted_at = attempt.accepted_at or self._clock.now()
        learnt = replace(attempt, accepted_at=accepted_at, interaction_id=interaction_id)
        return Change(task_id=attempt.task_id, events=(Accepted(),), attempts=(learnt,))

    def _interaction_failed(self, event: InteractionFailed) -> list[Effect]:
        attempt = self._by_window(event.nonce, event.id)
        if attempt is None or not attempt.is_open or attempt.message_ids:
            return []  # its messages prove that it was answered
        code = f" (reason {event.reason_code})" if event.reason_code is not None else ""
        failure = failed(Reason.INTERACTION_FAILED, f"Midjourney did not answer the interaction{code}")
        # Unsettled: a bot that answers too late may draw all the same.
        ended = self._ledger.ended(attempt.task_id, settled=False)
        return [Change(task_id=attempt.task_id, events=(failure,), attempts=ended)]

    def _window_opened(self, event: ModalOpened | IframeOpened) -> list[Effect]:
        attempt = self._by_window(event.nonce, event.id)
        if isinstance(event, IframeOpened) and classify.is_human_check(event):
            return self._human_check(event, attempt)
        if attempt is None or not attempt.is_open or attempt.kind is AttemptKind.MODAL:
            return []
        return [self._accepted(attempt, event.id), AnswerWindow(attempt, event)]

    def _human_check(self, event: IframeOpened, attempt: Attempt | None) -> list[Effect]:
        reason = f"Discord asks for a person: {event.title or event.iframe_path}"
        paused = Enter(AccountState.PAUSED, reason)
        if attempt is None:
            return [paused]
        ended = self._ledger.ended(attempt.task_id, settled=True)
        failure = failed(Reason.VERIFICATION_REQUIRED, reason, event.title)
        return [paused, Change(task_id=attempt.task_id, events=(failure,), attempts=ended)]

    def _by_window(self, nonce: Nonce | None, interaction_id: InteractionId) -> Attempt | None:
        index = self._ledger.index
        return self._ledger.attempt(nonce or index.by_interaction.get(interaction_id))


def _settings(reading: Reading) -> list[Effect]:
    return [] if reading.remix is None else [SawRemix(reading.remix)]


def _enters(rejected: Rejected) -> list[Effect]:
    return [Enter(rejected.trouble.state, rejected.trouble.reason)] if rejected.trouble else []


def _puzzled(reading: Reading, meaning: object) -> list[Effect]:
    """Have words counted that the table of headings does not hold; each message once, not at each edit."""
    if isinstance(meaning, Noticed) and meaning.remark is Remark.UNKNOWN and reading.message.edited_at is None:
        return [Puzzled(meaning.notice)]
    return []


def _modal_skipped(task: Task, attempt: Attempt) -> tuple[LifeEvent, ...]:
    return (Noticed(MODAL_SKIPPED),) if waits_for_modal(task, attempt) else ()


def _news(
    task: Task, said: Accepted | Progressed | Noticed, reading: Reading, *, is_known: bool, live: bool
) -> Accepted | Progressed | Noticed | None:
    """Tell what a message says that was not said before; `is_known`: it is not seen for the first time.

    Read again, it is no sign of life: a hung job would live for ever. An edit that shows no progress may hold words.
    """
    if not isinstance(said, Noticed):
        if _is_news(task, said) or (live and not is_known):
            return said
        if not is_known or reading.words is None:
            return said if live else None
        said = reading.words
    if is_known and said.notice in task.notices:
        return None
    # The history does not tell whether they came before what was drawn since.
    return said if live or task.state is not State.IN_PROGRESS else Noticed(said.notice)


def _is_news(task: Task, sign: Accepted | Progressed) -> bool:
    """Tell whether a message says more than its Task knows."""
    if isinstance(sign, Accepted):
        return task.state is State.SUBMITTING
    return task.state is not State.IN_PROGRESS or (sign.percent or 0) > task.progress


def _is_restyled(task: Task, result: Result) -> bool:
    """Tell whether a final message that was told before has changed.

    A link that was only signed anew is no change: each start reads the history, and would tell every watcher and
    webhook of each of its Tasks again.
    """
    known = task.image.unsigned_url if task.image else ""
    told = result.image.unsigned_url if result.image else known
    return told != known or (bool(result.buttons) and result.buttons != task.buttons)
