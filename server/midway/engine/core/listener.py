"""Hears what Discord says to one Account and tells what it means for whom.

A message goes through `reading` (what does it say?), `correlate` (which Attempt?) and `job_news` (what follows?).
Nothing is changed but what is kept of messages that match nothing yet, and which message is the newest.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import structlog

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
from midway.domain.attempt import Attempt
from midway.domain.ids import MessageId, Nonce, TaskId, UserId, time_of_snowflake
from midway.engine.clock import SteadyClock
from midway.engine.core import classify
from midway.engine.core.classify import Finished, Rejected
from midway.engine.core.correlate import is_guess, match, press_answered
from midway.engine.core.effects import Disown, Effect, ExpectFinal, Recall, SawRemix
from midway.engine.core.interaction_news import InteractionNews
from midway.engine.core.job_news import JobNews, count_unknown, enters
from midway.engine.core.ledger import Ledger
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.parked_messages import ParkedMessages
from midway.engine.core.reading import Reading, read
from midway.engine.interactions import ChannelRef
from midway.engine.limits import Limits

log = structlog.get_logger(__name__)

# By an Attempt's nonce and a job's name: the messages that fit the Attempt by their looks.
Guesses = dict[Nonce, dict[str, list[MessageId]]]


class Listener:
    """Reads Discord's events against the ledger. Owned by one core."""

    def __init__(
        self, ledger: Ledger, channel: ChannelRef, outcomes: Outcomes, limits: Limits, clock: SteadyClock
    ) -> None:
        self._ledger = ledger
        self._outcomes = outcomes
        self._clock = clock
        self._job_news = JobNews(ledger, channel, limits, clock)
        self._interaction_news = InteractionNews(ledger, clock)
        self._parked = ParkedMessages(limits.park_time, limits.max_parked_messages)
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
            case InteractionCreated() | InteractionSucceeded() | InteractionFailed() | ModalOpened() | IframeOpened():
                return self._interaction_news.hear(event)
            case _:
                return []

    def read(self, message: Message) -> Reading | None:
        """Read a message; None when it is no bot's, or certainly speaks to somebody else."""
        reading = read(message)
        if time_of_snowflake(message.id) < self._clock.now() + timedelta(days=1):  # else no other would ever be newer
            self._ledger.index.saw(message.id)
        is_ours = reading is not None and (self._user_id is None or reading.user_id in {None, self._user_id})
        return reading if is_ours else None

    def wake_at(self) -> float | None:
        """Return when (monotonic) something parked is over."""
        return self._parked.wake_at()

    def expire(self) -> None:
        """Give up on messages that matched nothing in time."""
        for reading in self._parked.expired(self._clock.monotonic()):
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
        parked = self._parked.named(names)
        guesses: Guesses = {}
        if len(parked) > 1:
            self.note_guesses((reading for _, reading in parked), guesses)
        in_doubt = self.doubtful(guesses)
        return [n for n, reading in parked if reading.message.id not in in_doubt and self._match(reading) is not None]

    def unparked(self, number: int) -> list[Effect]:
        """Tell what follows from a parked message, if it still fits after those before it."""
        reading = self._parked.get(number)
        attempt = self._match(reading) if reading else None
        if reading is None or attempt is None:
            return []
        self._parked.take(number)
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
        self._parked.park(reading, self._clock.monotonic())
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
        taken = partial(self._job_news.taken, attempt, reading, live=live)
        return list(self._outcomes.unless_it_breaks(attempt.task_id, taken))

    def _trouble(self, reading: Reading) -> list[Effect]:
        """Notice trouble that is told outside any of our jobs; only what is certainly meant for this Account."""
        meaning = reading.meaning if self._is_private(reading.message) else None
        effects: list[Effect] = enters(meaning) if isinstance(meaning, Rejected) else []
        if reading.message.written_embeds:  # a plain text may answer any command that a person gives by hand
            effects += count_unknown(reading, meaning)
        return effects

    def _deleted(self, event: MessageDeleted) -> list[Effect]:
        attempt = self._ledger.attempt(self._ledger.index.by_message.get(event.id))
        return [ExpectFinal(attempt.task_id)] if attempt is not None and attempt.is_open else []


def _settings(reading: Reading) -> list[Effect]:
    return [] if reading.remix is None else [SawRemix(reading.remix)]
